// Looks values up by name, in dicts and in the attributes of instances.
#ifndef PYSNAP_CPYTHON_NAME_LOOKUP_H_
#define PYSNAP_CPYTHON_NAME_LOOKUP_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// For the few things that the walkers must find themselves (a thread's name, a frame's module); the graph is the
// crawler's. The caller knows that what it passes is a dict, an instance, an int.
class NameLookup {
 public:
  // Key and value of one dict entry.
  using Item = std::pair<Address, Address>;

  // Both outlive the lookup.
  NameLookup(const Runtime& runtime, Memory& memory) : runtime_(runtime), memory_(memory) {}

  // The items of a dict in the order of insertion. ResourceExhausted when there are more than any namespace has.
  absl::StatusOr<std::vector<Item>> Items(Address dict);

  // The value under a str key; null when there is none.
  absl::StatusOr<Address> Find(const std::vector<Item>& items, absl::string_view name);

  // An attribute in the instance's own dict or values; null when there is none.
  absl::StatusOr<Address> Attribute(Address object, absl::string_view name);

  // The value of an int that is not negative and has 64 bits at most; DataLoss otherwise.
  absl::StatusOr<uint64_t> Unsigned(Address object);
  // The value of an int of 63 bits at most and a sign; DataLoss otherwise.
  absl::StatusOr<int64_t> Signed(Address object);

 private:
  absl::StatusOr<uint64_t> Magnitude(Address object, bool* negative);

  const Runtime& runtime_;
  Memory& memory_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_NAME_LOOKUP_H_
