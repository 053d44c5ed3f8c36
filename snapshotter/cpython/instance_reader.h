// Attributes of instances of Python classes, wherever the class keeps them.
#ifndef PYSNAP_CPYTHON_INSTANCE_READER_H_
#define PYSNAP_CPYTHON_INSTANCE_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// For libraries written in Python, whose classes keep an attribute in the instance's dict in one release and in a slot
// in the next. Remembers where the slots of each class are. Not thread-safe.
class InstanceReader {
 public:
  // Both outlive the reader.
  InstanceReader(const Runtime& runtime, Memory& memory)
      : runtime_(runtime), memory_(memory), lookup_(runtime, memory) {}

  // The value of a slot, or else of what the instance's dict has under that name; nothing when it has neither, or they
  // are unset. What a class gives all its instances is not looked at.
  absl::StatusOr<std::optional<Address>> Find(Address object, absl::string_view name);

  // NotFound when there is none.
  absl::StatusOr<Address> Get(Address object, absl::string_view name);
  // Null when it is None; NotFound when there is none.
  absl::StatusOr<Address> GetUnlessNone(Address object, absl::string_view name);
  // DataLoss when it is no str, no bool, neither float nor int.
  absl::StatusOr<std::string> GetText(Address object, absl::string_view name);
  absl::StatusOr<bool> GetFlag(Address object, absl::string_view name);
  absl::StatusOr<double> GetNumber(Address object, absl::string_view name);

  absl::StatusOr<Address> TypeOf(Address object);

 private:
  // By name, offsets in the instance.
  using Slots = std::vector<std::pair<std::string, int64_t>>;

  absl::StatusOr<const Slots*> SlotsOf(Address type);
  absl::Status ReadSlots(Address type, Slots& slots);

  const Runtime& runtime_;
  Memory& memory_;
  NameLookup lookup_;
  absl::flat_hash_map<Address, Slots> slots_;  // by class
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_INSTANCE_READER_H_
