// Memory that is read through once.
#ifndef PYSNAP_MEMORY_RECENT_PAGES_H_
#define PYSNAP_MEMORY_RECENT_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Keeps the pages that were read last, at most 16 MiB of them, so that many small reads are few large ones. What it
// gives may be as old as it is itself.
class RecentPages : public Memory {
 public:
  // `base` outlives it.
  explicit RecentPages(Memory& base) : base_(base), slots_(kSlots) {}

  absl::Status Read(Address address, absl::Span<std::byte> out) override;

 private:
  static constexpr uint64_t kPageSize = 4096;
  static constexpr size_t kSlots = 4096;
  static constexpr uint64_t kNone = ~uint64_t{0};

  // By the last bits of its number, like the cache of a processor.
  struct Slot {
    uint64_t page = kNone;
    std::vector<std::byte> bytes;
  };

  Memory& base_;
  std::vector<Slot> slots_;
};

}  // namespace pysnap

#endif  // PYSNAP_MEMORY_RECENT_PAGES_H_
