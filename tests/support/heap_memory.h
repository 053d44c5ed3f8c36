// A target's memory that a test fills in.
#ifndef PYSNAP_TESTS_SUPPORT_HEAP_MEMORY_H_
#define PYSNAP_TESTS_SUPPORT_HEAP_MEMORY_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/memory/memory.h"

namespace pysnap::testing {

// Pages that were written to, or mapped, are readable; all others are not.
class HeapMemory : public Memory {
 public:
  absl::Status Read(Address address, absl::Span<std::byte> out) override {
    uint64_t at = address.value();
    for (size_t done = 0; done < out.size();) {
      const auto it = pages_.find(at / kPageSize);
      if (it == pages_.end()) return UnreadableError(Address(at));
      const size_t chunk = std::min<size_t>(out.size() - done, kPageSize - at % kPageSize);
      std::memcpy(out.data() + done, it->second->data() + at % kPageSize, chunk);
      done += chunk;
      at += chunk;
    }
    return absl::OkStatus();
  }

  void Write(Address address, const void* data, size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    for (uint64_t at = address.value(); size > 0;) {
      const size_t chunk = std::min<size_t>(size, kPageSize - at % kPageSize);
      std::memcpy(Page(at / kPageSize).data() + at % kPageSize, bytes, chunk);
      bytes += chunk;
      at += chunk;
      size -= chunk;
    }
  }

  // Makes a range readable; what it holds stays, or is zero.
  void Map(Address address, uint64_t size) {
    for (uint64_t page = address.value() / kPageSize; page <= (address.value() + size) / kPageSize; ++page) Page(page);
  }

  void Unmap(Address address) { pages_.erase(address.value() / kPageSize); }

  // The pages in no particular order, for corruption.
  std::vector<uint64_t> MappedPages() const {
    std::vector<uint64_t> pages;
    for (const auto& [page, bytes] : pages_) pages.push_back(page);
    return pages;
  }

  static constexpr uint64_t kPageSize = 4096;

 private:
  using PageBytes = std::array<std::byte, kPageSize>;

  PageBytes& Page(uint64_t page) {
    std::unique_ptr<PageBytes>& slot = pages_[page];
    if (slot == nullptr) slot = std::make_unique<PageBytes>();
    return *slot;
  }

  absl::flat_hash_map<uint64_t, std::unique_ptr<PageBytes>> pages_;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_HEAP_MEMORY_H_
