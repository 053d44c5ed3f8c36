#include "snapshotter/cpython/name_lookup.h"

#include <string>

#include "snapshotter/cpython/behaviours/long_shape.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr size_t kMaxEntries = 1 << 20;
// 30 bits each: 64 bits need three.
constexpr uint64_t kMaxDigits = 3;

using Items = std::vector<NameLookup::Item>;

auto Collect(Items& items) {
  return [&items](Address key, Address value) {
    items.emplace_back(key, value);
    return items.size() <= kMaxEntries;
  };
}

// What was found before a dict turned out to be changing is right.
absl::StatusOr<Items> Collected(const absl::Status& status, const Items& items) {
  if (items.size() > kMaxEntries) return absl::ResourceExhaustedError("a dict with too many entries");
  if (!status.ok() && !absl::IsAborted(status)) return status;
  return items;
}

}  // namespace

absl::StatusOr<std::vector<NameLookup::Item>> NameLookup::Items(Address dict) {
  std::vector<Item> items;
  const absl::Status status = VisitDict(runtime_, memory_, dict, Collect(items));
  return Collected(status, items);
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
    const absl::Status status = VisitSplitValues(runtime_, memory_, keys, attributes.values, Collect(items));
    ASSIGN_OR_RETURN(items, Collected(status, items));
  }
  return Find(items, name);
}

absl::StatusOr<uint64_t> NameLookup::Unsigned(Address object) {
  bool negative = false;
  ASSIGN_OR_RETURN(const uint64_t value, Magnitude(object, &negative));
  if (negative) return absl::DataLossError("a negative number");
  return value;
}

absl::StatusOr<int64_t> NameLookup::Signed(Address object) {
  bool negative = false;
  ASSIGN_OR_RETURN(const uint64_t value, Magnitude(object, &negative));
  if (value > static_cast<uint64_t>(INT64_MAX)) return absl::DataLossError("not a small number");
  return negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

absl::StatusOr<uint64_t> NameLookup::Magnitude(Address object, bool* negative) {
  ASSIGN_OR_RETURN(const LongShape shape, ReadLongShape(runtime_, memory_, object));
  *negative = shape.negative;
  if (shape.digit_count > kMaxDigits) return absl::DataLossError("not a small number");
  std::vector<uint32_t> digits;
  RETURN_IF_ERROR(memory_.ReadArray(object + runtime_.layout.PyLongObject.ob_digit, shape.digit_count, digits));
  uint64_t value = 0;
  for (size_t i = digits.size(); i-- > 0;) value = (value << kLongDigitBits) | digits[i];
  return value;
}

}  // namespace pysnap
