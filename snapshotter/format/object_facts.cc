#include "snapshotter/format/object_facts.h"

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/format/python_rules.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

// Top-level modules and packages of the standard library, of all versions together.
constexpr std::string_view kStandardModules[] = {
#include "snapshotter/format/standard_modules.inc"
};

std::string Text(std::string_view text) { return std::string(text); }

}  // namespace

const proto::Type* TypeOf(const LoadedSnapshot& snapshot, const proto::Object& object) {
  const proto::Object* type = snapshot.object(object.type());
  return type != nullptr && type->has_type_value() ? &type->type_value() : nullptr;
}

std::string TypeName(const LoadedSnapshot& snapshot, const proto::Type& type) {
  const std::string_view module = snapshot.string(type.module());
  std::string_view qualname = snapshot.string(type.qualname());
  if (qualname.empty()) qualname = snapshot.string(type.name());
  if (module.empty() || module == "builtins") return Text(qualname);
  return Text(module) + "." + Text(qualname);
}

std::string TypeNameOf(const LoadedSnapshot& snapshot, const proto::Object& object) {
  const proto::Type* type = TypeOf(snapshot, object);
  return type == nullptr ? "" : TypeName(snapshot, *type);
}

std::string TypeNameInC(const LoadedSnapshot& snapshot, const proto::Type& type) {
  constexpr uint64_t kImmutable = 1 << 8;  // Py_TPFLAGS_IMMUTABLETYPE; object.h of 3.10 and later
  if (type.heap() && (type.flags() & kImmutable) == 0) return std::string(snapshot.string(type.name()));
  return TypeName(snapshot, type);
}

std::optional<std::string> SureTypeNameInC(const LoadedSnapshot& snapshot, const proto::Type& type) {
  const bool tells = RulesFor(snapshot.header().process().python().minor()).immutable_flag;
  if (!tells && type.heap() && IsStandardModule(snapshot.string(type.module()))) return std::nullopt;
  return TypeNameInC(snapshot, type);
}

bool IsType(const LoadedSnapshot& snapshot, const proto::Type* type, std::string_view module, std::string_view name) {
  return type != nullptr && snapshot.string(type->name()) == name && snapshot.string(type->module()) == module;
}

bool IsInstance(const LoadedSnapshot& snapshot,
                const proto::Object& object,
                std::string_view module,
                std::string_view name) {
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr) return false;
  return IsType(snapshot, type, module, name) || std::any_of(type->mro().begin(), type->mro().end(), [&](uint32_t id) {
           const proto::Object* base = snapshot.object(id);
           return base != nullptr && base->has_type_value() && IsType(snapshot, &base->type_value(), module, name);
         });
}

bool IsStandardModule(std::string_view module) {
  const std::string_view top = module.substr(0, module.find('.'));
  return std::binary_search(std::begin(kStandardModules), std::end(kStandardModules), top);
}

bool IsUserInstance(const LoadedSnapshot& snapshot, const proto::Object& object) {
  const proto::Type* type = TypeOf(snapshot, object);
  return type != nullptr && type->heap() && !IsStandardModule(snapshot.string(type->module()));
}

std::optional<std::string_view> StrOf(const LoadedSnapshot& snapshot, uint32_t id) {
  const proto::Object* object = snapshot.object(id);
  if (object == nullptr || object->value_case() != proto::Object::kStr) return std::nullopt;
  return object->str();
}

uint32_t FindKey(const LoadedSnapshot& snapshot, uint32_t dict, std::string_view key) {
  const proto::Object* object = snapshot.object(dict);
  if (object == nullptr || !object->has_mapping()) return 0;
  const proto::Mapping& mapping = object->mapping();
  for (int i = 0; i < std::min(mapping.key_size(), mapping.value_size()); ++i) {
    if (StrOf(snapshot, mapping.key(i)) == key) return mapping.value(i);
  }
  return 0;
}

uint32_t FindAttribute(const LoadedSnapshot& snapshot, const proto::Object& object, std::string_view name) {
  for (const proto::Attribute& attribute : object.attribute()) {
    if (snapshot.string(attribute.name()) == name) return attribute.value();
  }
  return FindKey(snapshot, object.dict(), name);
}

std::vector<NamedValue> AttributesOf(const LoadedSnapshot& snapshot, const proto::Object& object) {
  std::vector<NamedValue> attributes;
  absl::flat_hash_set<std::string_view> seen;
  const auto add = [&](std::string_view name, uint32_t value) {
    // Some types of C have their __dict__ as a member too (types.SimpleNamespace of 3.8).
    if (value != 0 && name != "__dict__" && seen.insert(name).second) attributes.push_back({name, value});
  };
  const proto::Object* dict = snapshot.object(object.dict());
  if (dict != nullptr && dict->has_mapping()) {
    const proto::Mapping& mapping = dict->mapping();
    for (int i = 0; i < std::min(mapping.key_size(), mapping.value_size()); ++i) {
      if (const auto name = StrOf(snapshot, mapping.key(i))) add(*name, mapping.value(i));
    }
  }
  for (const proto::Attribute& attribute : object.attribute())
    add(snapshot.string(attribute.name()), attribute.value());
  // Of an object of which nothing is known there are the objects that it points to.
  if (object.absent().reason() == proto::Absent::UNSUPPORTED) {
    for (const proto::Attribute& part : object.parts().part()) add(snapshot.string(part.name()), part.value());
  }
  for (const proto::Attribute& field : object.exception().field()) add(snapshot.string(field.name()), field.value());
  return attributes;
}

bool HasAttributes(const LoadedSnapshot& snapshot, const proto::Object& object) {
  if (object.has_sequence() && object.sequence().kind() == proto::Sequence::DEQUE) return object.dict() != 0;
  const bool unknown = object.absent().reason() == proto::Absent::UNSUPPORTED && object.has_parts();
  return object.dict() != 0 || object.attribute_size() != 0 || unknown || IsUserInstance(snapshot, object);
}

bool IsBuiltinContainer(const LoadedSnapshot& snapshot, const proto::Object& object) {
  constexpr std::string_view kNames[] = {"tuple", "list", "set", "frozenset", "dict", "mappingproxy"};
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr || IsType(snapshot, type, "collections", "deque")) return true;
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view name) { return IsType(snapshot, type, "builtins", name); });
}

bool IsDerivedScalar(const LoadedSnapshot& snapshot, const proto::Object& object) {
  switch (object.value_case()) {
    case proto::Object::kIntValue:
    case proto::Object::kBigInt:
    case proto::Object::kFloatValue:
    case proto::Object::kComplex:
    case proto::Object::kStr:
    case proto::Object::kBytesValue: {
      const proto::Type* type = TypeOf(snapshot, object);
      return type != nullptr && (type->heap() || snapshot.string(type->module()) != "builtins");
    }
    default:
      return false;
  }
}

bool HasHiddenContents(const LoadedSnapshot& snapshot, const proto::Object& object) {
  switch (object.value_case()) {
    case proto::Object::kException:
      return IsUserInstance(snapshot, object);
    case proto::Object::kSequence:
    case proto::Object::kMapping: {
      const proto::Type* type = TypeOf(snapshot, object);
      return !IsBuiltinContainer(snapshot, object) && !IsType(snapshot, type, "collections", "OrderedDict") &&
             !IsType(snapshot, type, "collections", "defaultdict");
    }
    default:
      return IsDerivedScalar(snapshot, object);
  }
}

std::optional<uint64_t> LengthOf(const proto::Object& object) {
  if (object.has_length()) return object.length();
  switch (object.value_case()) {
    case proto::Object::kStr:
      return CountCharacters(object.str());
    case proto::Object::kBytesValue:
      return object.bytes_value().size();
    case proto::Object::kSequence:
      return object.sequence().item_size();
    case proto::Object::kMapping:
      return object.mapping().key_size() + object.mapping().omitted();
    default:
      return std::nullopt;
  }
}

std::string AbsentText(const proto::Absent& absent) {
  std::string reason;
  switch (absent.reason()) {
    case proto::Absent::UNREADABLE:
      reason = "unreadable";
      break;
    case proto::Absent::LIMIT:
      reason = "limit";
      break;
    case proto::Absent::UNSUPPORTED:
      reason = "unsupported";
      break;
    case proto::Absent::REDACTED:
      reason = "redacted";
      break;
    case proto::Absent::TORN:
      reason = "torn";
      break;
    case proto::Absent::INCONSISTENT:
      reason = "inconsistent";
      break;
    case proto::Absent::NOT_FOLLOWED:
      reason = "not followed";
      break;
    default:
      reason = "unknown";
      break;
  }
  return absent.detail().empty() ? reason : absl::StrCat(reason, ": ", absent.detail());
}

std::string AddressText(uint64_t address) { return absl::StrCat("0x", absl::Hex(address)); }

}  // namespace pysnap::format
