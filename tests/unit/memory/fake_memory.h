// Memory made of a few ranges, with a count of the calls made to it.
#ifndef PYSNAP_TESTS_UNIT_MEMORY_FAKE_MEMORY_H_
#define PYSNAP_TESTS_UNIT_MEMORY_FAKE_MEMORY_H_

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "snapshotter/memory/memory.h"

namespace pysnap::testing {

class FakeMemory : public Memory {
 public:
  // Maps pages whose every byte tells where it is.
  void Map(uint64_t address, uint64_t size) {
    for (uint64_t at = address; at < address + size; at += kPageSize) {
      auto& page = pages_[at / kPageSize];
      page.resize(kPageSize);
      for (uint64_t i = 0; i < kPageSize; ++i) page[i] = Now(at + i);
    }
  }
  void Unmap(uint64_t address, uint64_t size) {
    for (uint64_t at = address; at < address + size; at += kPageSize) pages_.erase(at / kPageSize);
  }
  static std::byte ByteAt(uint64_t address) { return static_cast<std::byte>((address >> 12) * 31 + address); }

  // What Map writes there; ByteAt as long as `generation` is 0.
  std::byte Now(uint64_t address) const { return ByteAt(address + generation); }

  uint64_t generation = 0;
  // The status every call gives; OK by default.
  absl::Status failure;
  int many_calls = 0;
  uint64_t bytes_read = 0;

  absl::Status Read(Address address, absl::Span<std::byte> out) override {
    RETURN_IF_ERROR(failure);
    size_t done = 0;
    while (done < out.size()) {
      const uint64_t at = address.value() + done;
      const auto page = pages_.find(at / kPageSize);
      if (page == pages_.end()) return UnreadableError(Address(at));
      const size_t size = std::min<size_t>(kPageSize - at % kPageSize, out.size() - done);
      std::memcpy(out.data() + done, page->second.data() + at % kPageSize, size);
      done += size;
      bytes_read += size;
    }
    return absl::OkStatus();
  }

  absl::Status ReadMany(absl::Span<ReadRequest> requests) override {
    ++many_calls;
    return Memory::ReadMany(requests);
  }

 private:
  static constexpr uint64_t kPageSize = 4096;
  std::map<uint64_t, std::vector<std::byte>> pages_;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_UNIT_MEMORY_FAKE_MEMORY_H_
