// Where it is known from what the C structs of types hold that say nothing of it themselves.
#ifndef PYSNAP_OBJECTS_STRUCT_SOURCE_H_
#define PYSNAP_OBJECTS_STRUCT_SOURCE_H_

#include <cstdint>
#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/objects/type_member.h"

namespace pysnap {

// Not thread-safe.
class StructSource {
 public:
  virtual ~StructSource() = default;

  // Somebody will ask for this type: called while the target is walked with touch_only. `functions`: addresses among
  // which those of its slots and methods are.
  virtual void Note(Address type, int64_t basic_size, std::vector<Address> functions) = 0;
  // The fields of a type that was noted, as far as they are known; null when none is. The pointer lives as long as the
  // source.
  virtual const std::vector<TypeMember>* Find(Address type) const = 0;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_STRUCT_SOURCE_H_
