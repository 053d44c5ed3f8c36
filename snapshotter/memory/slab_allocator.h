// Pages of our own memory, handed out in contiguous runs and given back all at once.
#ifndef PYSNAP_MEMORY_SLAB_ALLOCATOR_H_
#define PYSNAP_MEMORY_SLAB_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace pysnap {

// Takes memory from the kernel in ever larger slabs. The first may be touched in advance, because a first write to a
// page costs more than copying it does, and the copying is done while the target stands still.
class SlabAllocator {
 public:
  static constexpr size_t kPageSize = 4096;

  // Never hands out more than `max_bytes`.
  explicit SlabAllocator(uint64_t max_bytes) : max_bytes_(max_bytes) {}
  ~SlabAllocator();
  SlabAllocator(const SlabAllocator&) = delete;
  SlabAllocator& operator=(const SlabAllocator&) = delete;

  // Makes room for `bytes` without page faults later. Less when memory is short: it is only a wish.
  void Prefault(uint64_t bytes);

  // A run of at least one and at most `pages` contiguous pages; empty when the limit is reached or the kernel refuses.
  absl::Span<std::byte> Allocate(size_t pages);

  // Gives back the pages of an allocation that were not used, for the next Allocate.
  void Return(absl::Span<std::byte> run);

  // Pages handed out and not returned, in bytes.
  uint64_t used_bytes() const { return used_bytes_; }
  uint64_t left_bytes() const { return max_bytes_ > used_bytes_ ? max_bytes_ - used_bytes_ : 0; }

 private:
  bool AddSlab(uint64_t bytes, bool prefault);

  uint64_t max_bytes_;
  uint64_t used_bytes_ = 0;
  uint64_t next_slab_bytes_ = uint64_t{1} << 20;
  absl::Span<std::byte> free_;                   // the rest of the newest slab
  std::vector<absl::Span<std::byte>> returned_;  // used before free_
  std::vector<std::pair<void*, size_t>> slabs_;
};

}  // namespace pysnap

#endif  // PYSNAP_MEMORY_SLAB_ALLOCATOR_H_
