#include "snapshotter/objects/declared_layouts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxStruct = int64_t{1} << 20;
constexpr int64_t kMaxItemSize = 4096;
constexpr int64_t kMaxCount = int64_t{1} << 40;

constexpr struct {
  const char* name;
  int32_t code;
} kKinds[] = {
    {"object", kMemberObjectEx}, {"bool", kMemberBool},      {"char", kMemberChar},        {"int8", kMemberByte},
    {"uint8", kMemberUByte},     {"int16", kMemberShort},    {"uint16", kMemberUShort},    {"int32", kMemberInt},
    {"uint32", kMemberUInt},     {"int64", kMemberLongLong}, {"uint64", kMemberULongLong}, {"float", kMemberFloat},
    {"double", kMemberDouble},   {"string", kMemberString},  {"bytes", kMemberBytes},
};

absl::Status Bad(const std::string& where, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

bool IsCountable(int32_t code) {
  switch (code) {
    case kMemberByte:
    case kMemberUByte:
    case kMemberShort:
    case kMemberUShort:
    case kMemberInt:
    case kMemberUInt:
    case kMemberLongLong:
    case kMemberULongLong:
      return true;
    default:
      return false;
  }
}

// Between `least` and `most`, or an error.
absl::StatusOr<int64_t> Number(
    const Json& object, const char* key, int64_t least, int64_t most, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer())
    return Bad(where, absl::StrCat("`", key, "` is no integer"));
  const auto number = found->get<int64_t>();
  if (number < least || number > most) return Bad(where, absl::StrCat("`", key, "` is not from ", least, " to ", most));
  return number;
}

absl::StatusOr<std::string> Text(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    return Bad(where, absl::StrCat("`", key, "` is no text"));
  }
  return found->get<std::string>();
}

// A misspelt key must not be passed over.
absl::Status CheckKeys(const Json& object, std::initializer_list<absl::string_view> known, const std::string& where) {
  if (!object.is_object()) return Bad(where, "is no object");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return Bad(where, absl::StrCat("`", key, "` is none of ", absl::StrJoin(known, ", ")));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadBytes(const Json& field,
                       const std::vector<TypeMember>& before,
                       const std::string& where,
                       TypeMember& member) {
  if (field.contains("pointer")) {
    if (!field["pointer"].is_boolean()) return Bad(where, "`pointer` is neither true nor false");
    member.behind_pointer = field["pointer"].get<bool>();
  }
  if (field.contains("item_size")) {
    ASSIGN_OR_RETURN(member.item_size, Number(field, "item_size", 1, kMaxItemSize, where));
  }
  if (!field.contains("count") || !field["count"].is_string()) {
    ASSIGN_OR_RETURN(member.count, Number(field, "count", 0, kMaxCount, where));
    return absl::OkStatus();
  }
  const auto name = field["count"].get<std::string>();
  const auto found =
      std::find_if(before.begin(), before.end(), [&](const TypeMember& each) { return each.name == name; });
  if (found == before.end() || !IsCountable(found->code)) {
    return Bad(where, absl::StrCat("`count`: no field before it is a number and called ", name));
  }
  if (!member.behind_pointer) return Bad(where, "`count` can be a field only where `pointer` is true");
  member.count_code = found->code;
  member.count_offset = found->offset;
  return absl::OkStatus();
}

absl::StatusOr<TypeMember> ReadField(const Json& field,
                                     int64_t size,
                                     const std::vector<TypeMember>& before,
                                     const std::string& type) {
  std::string where = absl::StrCat("a field of ", type);
  RETURN_IF_ERROR(CheckKeys(field, {"name", "type", "offset", "pointer", "count", "item_size"}, where));
  TypeMember member;
  ASSIGN_OR_RETURN(member.name, Text(field, "name", where));
  where = absl::StrCat(type, ".", member.name);
  ASSIGN_OR_RETURN(const std::string kind, Text(field, "type", where));
  const auto known =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& each) { return kind == each.name; });
  if (known == std::end(kKinds)) return Bad(where, absl::StrCat("`type` is not known: ", kind));
  member.code = known->code;
  if (member.code == kMemberBytes) {
    RETURN_IF_ERROR(ReadBytes(field, before, where, member));
  } else if (field.contains("pointer") || field.contains("count") || field.contains("item_size")) {
    return Bad(where, "`pointer`, `count` and `item_size` are for bytes");
  }
  int64_t own = MemberSize(member.code);
  if (member.code == kMemberBytes) own = member.behind_pointer ? 8 : member.count * member.item_size;
  if (own > size) return Bad(where, absl::StrCat("is larger than the object, which has ", size, " bytes"));
  ASSIGN_OR_RETURN(member.offset, Number(field, "offset", 0, size - own, where));
  return member;
}

}  // namespace

absl::Status DeclaredLayouts::Add(absl::string_view json) {
  const Json root = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return absl::InvalidArgumentError("is not JSON");
  RETURN_IF_ERROR(CheckKeys(root, {"types"}, "the whole"));
  if (!root.contains("types") || !root["types"].is_array()) return Bad("`types`", "is no list");
  std::vector<std::pair<std::string, Layout>> read;
  for (const Json& type : root["types"]) {
    RETURN_IF_ERROR(CheckKeys(type, {"name", "size", "fields"}, "a type"));
    ASSIGN_OR_RETURN(const std::string name, Text(type, "name", "a type"));
    Layout layout;
    ASSIGN_OR_RETURN(layout.size, Number(type, "size", 16, kMaxStruct, name));
    if (!type.contains("fields") || !type["fields"].is_array()) return Bad(name, "`fields` is no list");
    for (const Json& field : type["fields"]) {
      ASSIGN_OR_RETURN(TypeMember member, ReadField(field, layout.size, layout.fields, name));
      layout.fields.push_back(std::move(member));
    }
    read.emplace_back(name, std::move(layout));
  }
  for (auto& [name, layout] : read) layouts_[name].push_back(std::move(layout));
  return absl::OkStatus();
}

const std::vector<TypeMember>* DeclaredLayouts::Find(const std::string& tp_name, int64_t basic_size) const {
  const auto found = layouts_.find(tp_name);
  if (found == layouts_.end()) return nullptr;
  for (auto layout = found->second.rbegin(); layout != found->second.rend(); ++layout) {
    if (layout->size == basic_size) return &layout->fields;
  }
  return nullptr;
}

}  // namespace pysnap
