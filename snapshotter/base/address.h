// An address in the target. Never dereferenced: it means something only to a Memory.
#ifndef PYSNAP_BASE_ADDRESS_H_
#define PYSNAP_BASE_ADDRESS_H_

#include <compare>
#include <cstdint>
#include <utility>

namespace pysnap {

// Arithmetic wraps, as hostile offsets may make it; a wrapped address is merely unreadable.
class Address {
 public:
  constexpr Address() = default;
  constexpr explicit Address(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr bool is_null() const { return value_ == 0; }
  constexpr explicit operator bool() const { return value_ != 0; }

  constexpr Address operator+(int64_t offset) const { return Address(value_ + static_cast<uint64_t>(offset)); }
  constexpr Address operator-(int64_t offset) const { return Address(value_ - static_cast<uint64_t>(offset)); }
  // Distance in bytes.
  constexpr int64_t operator-(Address other) const { return static_cast<int64_t>(value_ - other.value_); }

  friend constexpr auto operator<=>(Address, Address) = default;

  template <typename H>
  friend H AbslHashValue(H h, Address address) {
    return H::combine(std::move(h), address.value_);
  }

 private:
  uint64_t value_ = 0;
};

// `size` bytes from `begin` on.
struct AddressRange {
  Address begin;
  uint64_t size = 0;

  Address end() const { return begin + static_cast<int64_t>(size); }
  bool contains(Address address) const { return address.value() - begin.value() < size; }
};

}  // namespace pysnap

#endif  // PYSNAP_BASE_ADDRESS_H_
