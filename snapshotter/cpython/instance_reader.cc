#include "snapshotter/cpython/instance_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/text.h"

namespace pysnap {
namespace {

// Bounds what a corrupted target can make of the members of a class.
constexpr size_t kMaxSlots = 1 << 12;
// T_OBJECT_EX, Include/structmember.h; what the slots of a class written in Python are (Objects/typeobject.c:
// type_new).
constexpr int32_t kSlotCode = 16;

}  // namespace

absl::StatusOr<std::optional<Address>> InstanceReader::Find(Address object, absl::string_view name) {
  ASSIGN_OR_RETURN(const Address type, TypeOf(object));
  ASSIGN_OR_RETURN(const Slots* slots, SlotsOf(type));
  const auto slot = std::find_if(slots->begin(), slots->end(), [name](const auto& each) { return each.first == name; });
  if (slot != slots->end()) {
    ASSIGN_OR_RETURN(const Address value, memory_.ReadPointer(object + slot->second));
    return value.is_null() ? std::optional<Address>() : value;
  }
  ASSIGN_OR_RETURN(const Address value, lookup_.Attribute(object, name));
  return value.is_null() ? std::optional<Address>() : value;
}

absl::StatusOr<Address> InstanceReader::Get(Address object, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::optional<Address> value, Find(object, name));
  if (!value.has_value()) {
    return absl::NotFoundError(absl::StrFormat("the object at %#x has no attribute %s", object.value(), name));
  }
  return *value;
}

absl::StatusOr<Address> InstanceReader::GetUnlessNone(Address object, absl::string_view name) {
  ASSIGN_OR_RETURN(const Address value, Get(object, name));
  return value == runtime_.Symbol("_Py_NoneStruct") ? Address() : value;
}

absl::StatusOr<std::string> InstanceReader::GetText(Address object, absl::string_view name) {
  ASSIGN_OR_RETURN(const Address value, Get(object, name));
  ASSIGN_OR_RETURN(const bool is_text, IsInstance(runtime_, memory_, value, runtime_.Symbol("PyUnicode_Type")));
  if (!is_text) return absl::DataLossError(absl::StrCat(name, " is no text"));
  return ReadText(runtime_, memory_, value);
}

absl::StatusOr<bool> InstanceReader::GetFlag(Address object, absl::string_view name) {
  ASSIGN_OR_RETURN(const Address value, Get(object, name));
  if (value == runtime_.Symbol("_Py_TrueStruct")) return true;
  if (value == runtime_.Symbol("_Py_FalseStruct")) return false;
  return absl::DataLossError(absl::StrCat(name, " is neither True nor False"));
}

absl::StatusOr<double> InstanceReader::GetNumber(Address object, absl::string_view name) {
  ASSIGN_OR_RETURN(const Address value, Get(object, name));
  ASSIGN_OR_RETURN(const bool is_float, IsInstance(runtime_, memory_, value, runtime_.Symbol("PyFloat_Type")));
  if (is_float) return memory_.ReadValue<double>(value + runtime_.layout.PyFloatObject.ob_fval);
  ASSIGN_OR_RETURN(const bool is_int, IsInstance(runtime_, memory_, value, runtime_.Symbol("PyLong_Type")));
  if (!is_int) return absl::DataLossError(absl::StrCat(name, " is no number"));
  ASSIGN_OR_RETURN(const int64_t number, lookup_.Signed(value));
  return static_cast<double>(number);
}

absl::StatusOr<Address> InstanceReader::TypeOf(Address object) {
  return memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type);
}

absl::StatusOr<const InstanceReader::Slots*> InstanceReader::SlotsOf(Address type) {
  const auto known = slots_.find(type);
  if (known != slots_.end()) return &known->second;
  ASSIGN_OR_RETURN(const std::vector<Address> classes, ReadMro(runtime_, memory_, type));
  Slots slots;
  for (const Address each : classes) RETURN_IF_ERROR(ReadSlots(each, slots));
  return &(slots_[type] = std::move(slots));
}

absl::Status InstanceReader::ReadSlots(Address type, Slots& slots) {
  const auto& layout = runtime_.layout.PyMemberDef;
  ASSIGN_OR_RETURN(const int64_t size, memory_.ReadValue<int64_t>(type + runtime_.layout.PyTypeObject.tp_basicsize));
  ASSIGN_OR_RETURN(Address at, memory_.ReadPointer(type + runtime_.layout.PyTypeObject.tp_members));
  if (at.is_null()) return absl::OkStatus();
  for (size_t count = 0; count < kMaxSlots; ++count, at = at + layout.size_) {
    ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(at + layout.name));
    if (name.is_null()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int32_t code, memory_.ReadValue<int32_t>(at + layout.type));
    if (code != kSlotCode) continue;
    ASSIGN_OR_RETURN(const int64_t offset, memory_.ReadValue<int64_t>(at + layout.offset));
    if (offset < 0 || offset > size - 8) return absl::DataLossError("a slot that is not within its object");
    ASSIGN_OR_RETURN(std::string text, memory_.ReadCString(name, kMaxNameLength));
    slots.emplace_back(std::move(text), offset);
  }
  return absl::DataLossError(absl::StrFormat("the slots of the class at %#x do not end", type.value()));
}

}  // namespace pysnap
