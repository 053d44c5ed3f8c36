#include "snapshotter/cpython/behaviours/dict_shape.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/behaviours/long_shape.h"
#include "snapshotter/cpython/type_flags.h"

namespace pysnap {
namespace {

// Bounds the time that a corrupted table can take.
constexpr int kMaxLog2Size = 28;

absl::Status BadKeys(uint64_t size, int64_t entries) {
  return absl::DataLossError(absl::StrFormat("a dict table of %d slots with %d entries", size, entries));
}

// tp_dictoffset as it is for an object of a type whose instances vary in size: counted from the end.
absl::StatusOr<int64_t> OffsetFromEnd(const Runtime& runtime,
                                      Memory& memory,
                                      Address object,
                                      const InstanceShape& shape) {
  uint64_t items = 0;
  if (shape.is_int) {
    ASSIGN_OR_RETURN(const LongShape digits, ReadLongShape(runtime, memory, object));
    items = digits.digit_count;
  } else {
    ASSIGN_OR_RETURN(const int64_t size, memory.ReadValue<int64_t>(object + runtime.layout.PyVarObject.ob_size));
    items = size < 0 ? uint64_t{0} - static_cast<uint64_t>(size) : static_cast<uint64_t>(size);
  }
  constexpr uint64_t kMaxItems = uint64_t{1} << 40;
  constexpr int64_t kMaxItemSize = 1 << 16;
  if (items > kMaxItems || shape.item_size < 0 || shape.item_size > kMaxItemSize) {
    return absl::DataLossError(absl::StrFormat("an object of %d items of %d bytes", items, shape.item_size));
  }
  const int64_t size = shape.basic_size + static_cast<int64_t>(items) * shape.item_size;
  return (size + 7) / 8 * 8 + shape.dict_offset;
}

}  // namespace

absl::StatusOr<DictKeysShape> DictKeysWithSize(const Runtime& runtime, Memory& memory, Address keys) {
  const auto& layout = runtime.layout.PyDictKeysObject;
  const auto& entry = runtime.layout.PyDictKeyEntry;
  ASSIGN_OR_RETURN(const uint64_t size, memory.ReadValue<uint64_t>(keys + layout.dk_size));
  ASSIGN_OR_RETURN(const int64_t entries, memory.ReadValue<int64_t>(keys + layout.dk_nentries));
  if (size == 0 || (size & (size - 1)) != 0 || size >> kMaxLog2Size != 0 || entries < 0 ||
      static_cast<uint64_t>(entries) > size) {
    return BadKeys(size, entries);
  }
  const uint64_t index_size = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
  DictKeysShape shape;
  shape.entries = keys + layout.dk_indices + static_cast<int64_t>(size * index_size);
  shape.entry_count = static_cast<uint64_t>(entries);
  shape.capacity = size;
  shape.entry_size = static_cast<uint32_t>(entry.size_);
  shape.key_offset = static_cast<uint32_t>(entry.me_key);
  shape.value_offset = static_cast<uint32_t>(entry.me_value);
  return shape;
}

absl::StatusOr<DictKeysShape> DictKeysWithLog2Size(const Runtime& runtime, Memory& memory, Address keys) {
  const auto& layout = runtime.layout.PyDictKeysObject;
  ASSIGN_OR_RETURN(const uint8_t log2_size, memory.ReadValue<uint8_t>(keys + layout.dk_log2_size));
  ASSIGN_OR_RETURN(const uint8_t log2_bytes, memory.ReadValue<uint8_t>(keys + layout.dk_log2_index_bytes));
  ASSIGN_OR_RETURN(const uint8_t kind, memory.ReadValue<uint8_t>(keys + layout.dk_kind));
  ASSIGN_OR_RETURN(const int64_t entries, memory.ReadValue<int64_t>(keys + layout.dk_nentries));
  constexpr uint8_t kGeneral = 0;
  constexpr uint8_t kLastKind = 2;  // unicode keys, and those shared by instances
  if (log2_size > kMaxLog2Size || log2_bytes < log2_size || log2_bytes > log2_size + 3 || kind > kLastKind) {
    return absl::DataLossError(absl::StrFormat("a dict table of kind %d, 2**%d slots", kind, log2_size));
  }
  const uint64_t size = uint64_t{1} << log2_size;
  if (entries < 0 || static_cast<uint64_t>(entries) > size) return BadKeys(size, entries);
  DictKeysShape shape;
  shape.entries = keys + layout.dk_indices + (int64_t{1} << log2_bytes);
  shape.entry_count = static_cast<uint64_t>(entries);
  shape.capacity = size;
  if (kind == kGeneral) {
    const auto& entry = runtime.layout.PyDictKeyEntry;
    shape.entry_size = static_cast<uint32_t>(entry.size_);
    shape.key_offset = static_cast<uint32_t>(entry.me_key);
    shape.value_offset = static_cast<uint32_t>(entry.me_value);
  } else {
    const auto& entry = runtime.layout.PyDictUnicodeEntry;
    shape.entry_size = static_cast<uint32_t>(entry.size_);
    shape.key_offset = static_cast<uint32_t>(entry.me_key);
    shape.value_offset = static_cast<uint32_t>(entry.me_value);
  }
  return shape;
}

absl::StatusOr<SplitValues> SplitValuesInKeyOrder(const Runtime&, Memory&, Address values) {
  SplitValues split;
  split.array = values;
  split.capacity = ~uint64_t{0};
  split.in_key_order = true;
  return split;
}

absl::StatusOr<SplitValues> SplitValuesAfterOrder(const Runtime&, Memory& memory, Address values) {
  ASSIGN_OR_RETURN(const uint8_t prefix_size, memory.ReadValue<uint8_t>(values - 1));
  ASSIGN_OR_RETURN(const uint8_t used, memory.ReadValue<uint8_t>(values - 2));
  if (used + 2 > prefix_size) {
    return absl::DataLossError(absl::StrFormat("%d attributes in order in %d bytes", used, prefix_size));
  }
  SplitValues split;
  split.array = values;
  split.capacity = prefix_size;
  RETURN_IF_ERROR(memory.ReadArray(values - 2 - used, used, split.order));
  std::reverse(split.order.begin(), split.order.end());
  return split;
}

absl::StatusOr<SplitValues> SplitValuesBeforeOrder(const Runtime& runtime, Memory& memory, Address values) {
  const auto& layout = runtime.layout.PyDictValues;
  ASSIGN_OR_RETURN(const uint8_t capacity, memory.ReadValue<uint8_t>(values + layout.capacity));
  ASSIGN_OR_RETURN(const uint8_t size, memory.ReadValue<uint8_t>(values + layout.size));
  ASSIGN_OR_RETURN(const uint8_t embedded, memory.ReadValue<uint8_t>(values + layout.embedded));
  ASSIGN_OR_RETURN(uint8_t valid, memory.ReadValue<uint8_t>(values + layout.valid));
  // Only those inside of an object can be turned off; for others the byte is never set (new_values, dictobject.c 3.13).
  if (embedded == 0) valid = 1;
  if (size > capacity || embedded > 1 || valid > 1) {
    return absl::DataLossError(absl::StrFormat("%d attributes in %d slots", size, capacity));
  }
  SplitValues split;
  split.array = values + layout.values;
  split.capacity = capacity;
  split.valid = valid != 0;
  RETURN_IF_ERROR(memory.ReadArray(split.array + int64_t{8} * capacity, size, split.order));
  return split;
}

absl::StatusOr<InstanceAttributes> AttributesAtDictOffset(const Runtime& runtime,
                                                          Memory& memory,
                                                          Address object,
                                                          const InstanceShape& shape) {
  InstanceAttributes attributes;
  if (shape.dict_offset == 0) return attributes;
  int64_t offset = shape.dict_offset;
  if (offset < 0) {
    ASSIGN_OR_RETURN(offset, OffsetFromEnd(runtime, memory, object, shape));
  }
  if (offset <= 0 || offset % 8 != 0) {
    return absl::DataLossError(absl::StrFormat("a dict at offset %d of an object", offset));
  }
  ASSIGN_OR_RETURN(attributes.dict, memory.ReadPointer(object + offset));
  return attributes;
}

absl::StatusOr<InstanceAttributes> AttributesInTwoPointers(const Runtime& runtime,
                                                           Memory& memory,
                                                           Address object,
                                                           const InstanceShape& shape) {
  if ((shape.flags & kTypeManagedDict) == 0) return AttributesAtDictOffset(runtime, memory, object, shape);
  InstanceAttributes attributes;
  ASSIGN_OR_RETURN(attributes.dict, memory.ReadPointer(object + runtime.layout.PyManagedDict.dict));
  if (attributes.dict.is_null()) {
    ASSIGN_OR_RETURN(attributes.values, memory.ReadPointer(object + runtime.layout.PyManagedDict.values));
  }
  return attributes;
}

absl::StatusOr<InstanceAttributes> AttributesInTaggedPointer(const Runtime& runtime,
                                                             Memory& memory,
                                                             Address object,
                                                             const InstanceShape& shape) {
  if ((shape.flags & kTypeManagedDict) == 0) return AttributesAtDictOffset(runtime, memory, object, shape);
  ASSIGN_OR_RETURN(const Address pointer, memory.ReadPointer(object + runtime.layout.PyManagedDict.dict));
  InstanceAttributes attributes;
  if ((pointer.value() & 1) != 0) {
    attributes.values = pointer + 1;
  } else {
    attributes.dict = pointer;
  }
  return attributes;
}

absl::StatusOr<InstanceAttributes> AttributesInline(const Runtime& runtime,
                                                    Memory& memory,
                                                    Address object,
                                                    const InstanceShape& shape) {
  if ((shape.flags & kTypeManagedDict) == 0) return AttributesAtDictOffset(runtime, memory, object, shape);
  InstanceAttributes attributes;
  ASSIGN_OR_RETURN(attributes.dict, memory.ReadPointer(object + runtime.layout.PyManagedDict.dict));
  if (attributes.dict.is_null() && (shape.flags & kTypeInlineValues) != 0) {
    attributes.values = object + shape.basic_size;
  }
  return attributes;
}

}  // namespace pysnap
