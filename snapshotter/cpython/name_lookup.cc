#include "snapshotter/cpython/name_lookup.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "snapshotter/cpython/behaviours/dict_shape.h"
#include "snapshotter/cpython/behaviours/long_shape.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxEntries = 1 << 20;
// 30 bits each: 64 bits need three.
constexpr uint64_t kMaxDigits = 3;

}  // namespace

absl::StatusOr<std::vector<NameLookup::Item>> NameLookup::Items(Address dict) {
  ASSIGN_OR_RETURN(const Address keys, memory_.ReadPointer(dict + runtime_.layout.PyDictObject.ma_keys));
  ASSIGN_OR_RETURN(const Address values, memory_.ReadPointer(dict + runtime_.layout.PyDictObject.ma_values));
  ASSIGN_OR_RETURN(std::vector<Item> items, Entries(keys));
  if (!values.is_null()) RETURN_IF_ERROR(FillSplit(values, items));
  return items;
}

absl::StatusOr<Address> NameLookup::Find(const std::vector<Item>& items, absl::string_view name) {
  for (const auto& [key, value] : items) {
    const absl::StatusOr<std::string> text = ReadText(runtime_, memory_, key);
    if (text.ok() && *text == std::string(name.data(), name.size())) return value;
  }
  return Address();
}

absl::StatusOr<Address> NameLookup::Attribute(Address object, absl::string_view name) {
  const auto& layout = runtime_.layout.PyTypeObject;
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type));
  InstanceShape shape;
  ASSIGN_OR_RETURN(shape.flags, memory_.ReadValue<uint64_t>(type + layout.tp_flags));
  ASSIGN_OR_RETURN(shape.basic_size, memory_.ReadValue<int64_t>(type + layout.tp_basicsize));
  ASSIGN_OR_RETURN(shape.item_size, memory_.ReadValue<int64_t>(type + layout.tp_itemsize));
  ASSIGN_OR_RETURN(shape.dict_offset, memory_.ReadValue<int64_t>(type + layout.tp_dictoffset));
  ASSIGN_OR_RETURN(const InstanceAttributes attributes,
                   runtime_.version->read_instance_attributes(runtime_, memory_, object, shape));
  std::vector<Item> items;
  if (!attributes.dict.is_null()) {
    ASSIGN_OR_RETURN(items, Items(attributes.dict));
  } else if (!attributes.values.is_null()) {
    ASSIGN_OR_RETURN(const Address keys, memory_.ReadPointer(type + runtime_.layout.PyHeapTypeObject.ht_cached_keys));
    ASSIGN_OR_RETURN(items, Entries(keys));
    RETURN_IF_ERROR(FillSplit(attributes.values, items));
  }
  return Find(items, name);
}

absl::StatusOr<uint64_t> NameLookup::Unsigned(Address object) {
  ASSIGN_OR_RETURN(const LongShape shape, ReadLongShape(runtime_, memory_, object));
  if (shape.negative || shape.digit_count > kMaxDigits) return absl::DataLossError("not a small number");
  std::vector<uint32_t> digits;
  RETURN_IF_ERROR(memory_.ReadArray(object + runtime_.layout.PyLongObject.ob_digit, shape.digit_count, digits));
  uint64_t value = 0;
  for (size_t i = digits.size(); i-- > 0;) value = (value << kLongDigitBits) | digits[i];
  return value;
}

absl::StatusOr<std::vector<NameLookup::Item>> NameLookup::Entries(Address keys) {
  ASSIGN_OR_RETURN(const DictKeysShape shape, runtime_.version->read_dict_keys(runtime_, memory_, keys));
  if (shape.entry_count > kMaxEntries) return absl::ResourceExhaustedError("a dict with too many entries");
  std::string bytes;
  RETURN_IF_ERROR(memory_.ReadArray(shape.entries, shape.entry_count * shape.entry_size, bytes));
  std::vector<Item> items(shape.entry_count);
  for (size_t i = 0; i < items.size(); ++i) {
    const char* entry = bytes.data() + i * shape.entry_size;
    std::memcpy(&items[i].first, entry + shape.key_offset, sizeof(Address));
    std::memcpy(&items[i].second, entry + shape.value_offset, sizeof(Address));
  }
  return items;
}

absl::Status NameLookup::FillSplit(Address values, std::vector<Item>& items) {
  ASSIGN_OR_RETURN(const SplitValues split, runtime_.version->read_split_values(runtime_, memory_, values));
  const size_t count = split.in_key_order ? items.size() : std::min<size_t>(items.size(), split.capacity);
  std::vector<Address> array;
  RETURN_IF_ERROR(memory_.ReadArray(split.array, count, array));
  for (size_t i = 0; i < items.size(); ++i) items[i].second = i < array.size() ? array[i] : Address();
  return absl::OkStatus();
}

}  // namespace pysnap
