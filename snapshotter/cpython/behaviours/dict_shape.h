// How a dict keeps its entries, and instances their attributes.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_DICT_SHAPE_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_DICT_SHAPE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The entries of a keys object: an array in insertion order, with holes.
struct DictKeysShape {
  Address entries;
  uint64_t entry_count = 0;  // used ones, holes included; at most `capacity`
  uint64_t capacity = 0;     // of the hash table
  uint32_t entry_size = 0;
  uint32_t key_offset = 0;
  uint32_t value_offset = 0;
};

// DataLoss when the table's numbers contradict each other.
using ReadDictKeys = absl::StatusOr<DictKeysShape> (*)(const Runtime& runtime, Memory& memory, Address keys);

// dk_size, then indices of 1, 2, 4 or 8 bytes, then PyDictKeyEntry (to 3.10, Objects/dict-common.h).
absl::StatusOr<DictKeysShape> DictKeysWithSize(const Runtime& runtime, Memory& memory, Address keys);
// dk_log2_size, dk_log2_index_bytes and dk_kind, which leaves the hash out of entries that have only str keys (3.11+,
// Include/internal/pycore_dict.h).
absl::StatusOr<DictKeysShape> DictKeysWithLog2Size(const Runtime& runtime, Memory& memory, Address keys);

// Values kept apart from their (shared) keys: an array indexed like the keys' entries.
struct SplitValues {
  Address array;
  uint64_t capacity = 0;
  // Indices into keys and values in the order of insertion.
  std::vector<uint8_t> order;
  // The order is that of the keys, `order` is empty, and null values are holes.
  bool in_key_order = false;
  // False for inline values that a dict has taken over (3.13+).
  bool valid = true;
};

using ReadSplitValues = absl::StatusOr<SplitValues> (*)(const Runtime& runtime, Memory& memory, Address values);

// A bare array, as long as the keys are (to 3.10, Objects/dictobject.c).
absl::StatusOr<SplitValues> SplitValuesInKeyOrder(const Runtime& runtime, Memory& memory, Address values);
// Before the array stand, backwards, the capacity of the prefix, the number used and the order (3.11, 3.12, same file).
absl::StatusOr<SplitValues> SplitValuesAfterOrder(const Runtime& runtime, Memory& memory, Address values);
// PyDictValues: capacity, size, embedded, valid, the array, the order (3.13+, Include/internal/pycore_dict.h).
absl::StatusOr<SplitValues> SplitValuesBeforeOrder(const Runtime& runtime, Memory& memory, Address values);

// What a type says about its instances.
struct InstanceShape {
  uint64_t flags = 0;  // tp_flags
  int64_t basic_size = 0;
  int64_t item_size = 0;
  int64_t dict_offset = 0;
  bool is_int = false;  // of int or a subclass, whose items are digits
};

// Where an instance keeps its attributes: in `dict`, or in `values` under the keys its type caches, or nowhere.
struct InstanceAttributes {
  Address dict;
  Address values;
};

using ReadInstanceAttributes = absl::StatusOr<InstanceAttributes> (*)(const Runtime& runtime,
                                                                      Memory& memory,
                                                                      Address object,
                                                                      const InstanceShape& shape);

// At tp_dictoffset, from the end if negative (to 3.10, Objects/object.c: _PyObject_GetDictPtr).
absl::StatusOr<InstanceAttributes> AttributesAtDictOffset(const Runtime& runtime,
                                                          Memory& memory,
                                                          Address object,
                                                          const InstanceShape& shape);
// Two pointers before the object, dict and values, of which one is null (3.11, Include/internal/pycore_object.h).
absl::StatusOr<InstanceAttributes> AttributesInTwoPointers(const Runtime& runtime,
                                                           Memory& memory,
                                                           Address object,
                                                           const InstanceShape& shape);
// One pointer before the object, to the dict, or odd and then to the byte before the values (3.12, same file:
// PyDictOrValues).
absl::StatusOr<InstanceAttributes> AttributesInTaggedPointer(const Runtime& runtime,
                                                             Memory& memory,
                                                             Address object,
                                                             const InstanceShape& shape);
// A dict pointer before the object; while it is null, values after the object's basic size (3.13+, same file).
absl::StatusOr<InstanceAttributes> AttributesInline(const Runtime& runtime,
                                                    Memory& memory,
                                                    Address object,
                                                    const InstanceShape& shape);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_DICT_SHAPE_H_
