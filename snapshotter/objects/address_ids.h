// A map from addresses of objects to their ids, made for millions of them.
#ifndef PYSNAP_OBJECTS_ADDRESS_IDS_H_
#define PYSNAP_OBJECTS_ADDRESS_IDS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/base/address.h"

namespace pysnap {

// CPython's allocators align objects to 16 bytes, and neighbours in memory are often visited together. So addresses are
// grouped by the KiB they lie in, with one word for each 16 bytes; others are kept one by one.
class AddressIds {
 public:
  // The id of `address`, to be set by the caller when it is 0. Valid until the next call.
  uint32_t& operator[](Address address) {
    const uint64_t value = address.value();
    if (value % kAlignment != 0) return unaligned_[value];
    const uint64_t window = value / kWindowBytes;
    if (window != last_window_) {
      std::unique_ptr<Window>& slot = windows_[window];
      if (slot == nullptr) slot = std::make_unique<Window>();
      last_ = slot.get();
      last_window_ = window;
    }
    return (*last_)[value % kWindowBytes / kAlignment];
  }

 private:
  static constexpr uint64_t kAlignment = 16;
  static constexpr uint64_t kWindowBytes = 1024;
  using Window = std::array<uint32_t, kWindowBytes / kAlignment>;

  absl::flat_hash_map<uint64_t, std::unique_ptr<Window>> windows_;
  absl::flat_hash_map<uint64_t, uint32_t> unaligned_;
  uint64_t last_window_ = ~uint64_t{0};
  Window* last_ = nullptr;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_ADDRESS_IDS_H_
