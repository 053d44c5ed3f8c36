#include "snapshotter/format/named_repr.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/python_rules.h"
#include "snapshotter/format/repr.h"

namespace pysnap::format {
namespace {

using proto::Object;

std::string Str(std::string_view text) { return std::string(text); }

std::string At(const Object& object) { return AddressText(object.address()); }

std::string CName(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Type* type = TypeOf(snapshot, object);
  return type == nullptr ? "?" : TypeNameInC(snapshot, *type);
}

std::string TypeObject(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Type& type = object.type_value();
  const proto::Type* meta = TypeOf(snapshot, object);
  // Lib/enum.py: EnumMeta until 3.10, EnumType from 3.11 on, which calls flags by another name.
  const bool is_enum = IsType(snapshot, meta, "enum", "EnumType");
  if (is_enum || IsType(snapshot, meta, "enum", "EnumMeta")) {
    const bool is_flag = is_enum && std::any_of(type.mro().begin(), type.mro().end(), [&](uint32_t base) {
                           const Object* ancestor = snapshot.object(base);
                           return ancestor != nullptr && ancestor->has_type_value() &&
                                  IsType(snapshot, &ancestor->type_value(), "enum", "Flag");
                         });
    return absl::StrCat(is_flag ? "<flag " : "<enum ", StrRepr(snapshot, snapshot.string(type.name())), ">");
  }
  return absl::StrCat("<class '", TypeName(snapshot, type), "'>");
}

std::string BuiltinFunction(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::BuiltinFunction& function = object.builtin_function();
  const std::string name = Str(snapshot.string(function.name()));
  const std::string type = TypeNameOf(snapshot, object);
  const Object* owner = snapshot.object(function.objclass());
  const Object* self = snapshot.object(function.self());
  if (type == "method-wrapper") {
    if (self == nullptr) return GenericRepr(snapshot, object);
    return absl::StrCat("<method-wrapper '", name, "' of ", CName(snapshot, *self), " object at ", At(*self), ">");
  }
  if (owner != nullptr && owner->has_type_value()) {
    const char* what = type == "wrapper_descriptor"  ? "slot wrapper"
                       : type == "getset_descriptor" ? "attribute"
                       : type == "member_descriptor" ? "member"
                                                     : "method";
    const proto::Type& owner_type = owner->type_value();
    if (RulesFor(snapshot.header().process().python().minor()).bare_object_descriptors &&
        IsType(snapshot, &owner_type, "builtins", "object")) {
      return absl::StrCat("<", what, " '", name, "'>");
    }
    const std::string owner_name =
        owner_type.heap() ? Str(snapshot.string(owner_type.name())) : TypeName(snapshot, owner_type);
    return absl::StrCat("<", what, " '", name, "' of '", owner_name, "' objects>");
  }
  if (self == nullptr || self->has_module() || IsType(snapshot, TypeOf(snapshot, *self), "builtins", "module")) {
    if (function.self() != 0 && self == nullptr) return GenericRepr(snapshot, object);
    return absl::StrCat("<built-in function ", name, ">");
  }
  return absl::StrCat("<built-in method ", name, " of ", CName(snapshot, *self), " object at ", At(*self), ">");
}

std::string Cell(const LoadedSnapshot& snapshot, const Object& object) {
  const Object* contents = snapshot.object(object.cell().contents());
  if (object.cell().contents() == 0) return absl::StrCat("<cell at ", At(object), ": empty>");
  if (contents == nullptr || contents->address() == 0) return GenericRepr(snapshot, object);
  return absl::StrCat("<cell at ", At(object), ": ", CName(snapshot, *contents), " object at ", At(*contents), ">");
}

// importlib._bootstrap._module_repr: from __spec__ when there is one, else from __file__.
std::string Module(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Module& module = object.module();
  const std::string name = StrRepr(snapshot, StrOf(snapshot, module.name()).value_or("?"));
  const Object* spec = snapshot.object(FindKey(snapshot, module.dict(), "__spec__"));
  if (spec != nullptr && !spec->has_absent() && !spec->has_singleton()) {
    const auto origin = StrOf(snapshot, FindAttribute(snapshot, *spec, "origin"));
    const Object* has_location = snapshot.object(FindAttribute(snapshot, *spec, "_set_fileattr"));
    if (origin.has_value() && has_location != nullptr) {
      if (has_location->bool_value()) {
        return absl::StrCat("<module ", name, " from ", StrRepr(snapshot, *origin), ">");
      }
      return absl::StrCat("<module ", name, " (", Str(*origin), ")>");
    }
  }
  if (const auto file = StrOf(snapshot, module.file())) {
    return absl::StrCat("<module ", name, " from ", StrRepr(snapshot, *file), ">");
  }
  // These two are part of every interpreter; their specs stand far back in long namespaces.
  if (name == "'sys'" || name == "'builtins'") return absl::StrCat("<module ", name, " (built-in)>");
  return absl::StrCat("<module ", name, ">");
}

std::string FrameObject(const LoadedSnapshot& snapshot, const Object& object) {
  const Object* code = snapshot.object(object.frame().code());
  if (code == nullptr || !code->has_code()) return GenericRepr(snapshot, object);
  return absl::StrCat("<frame at ", At(object), ", file ", StrRepr(snapshot, snapshot.string(code->code().filename())),
                      ", line ", object.frame().line(), ", code ", Str(snapshot.string(code->code().name())), ">");
}

std::string Generator(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Generator& generator = object.generator();
  const Object* code = snapshot.object(generator.code());
  std::string name = "?";
  if (const auto qualname = StrOf(snapshot, generator.qualname())) {
    name = Str(*qualname);
  } else if (code != nullptr && code->has_code()) {
    name = Str(snapshot.string(code->code().qualname()));
  }
  return absl::StrCat("<", TypeNameOf(snapshot, object), " object ", name, " at ", At(object), ">");
}

}  // namespace

std::string GenericRepr(const LoadedSnapshot& snapshot, const Object& object) {
  const std::string type = TypeNameOf(snapshot, object);
  return absl::StrCat("<", type.empty() ? "?" : type, " object at ", At(object), ">");
}

std::string FunctionName(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Function& function = object.function();
  for (uint32_t id : {function.qualname(), function.name()}) {
    if (const auto name = StrOf(snapshot, id)) return Str(*name);
  }
  const Object* code = snapshot.object(function.code());
  if (code != nullptr && code->has_code()) return Str(snapshot.string(code->code().qualname()));
  return "?";
}

std::optional<std::string> NamedRepr(const LoadedSnapshot& snapshot, const Object& object) {
  switch (object.value_case()) {
    case Object::kSingleton:
      switch (object.singleton()) {
        case proto::NONE:
          return "None";
        case proto::ELLIPSIS:
          return "Ellipsis";
        case proto::NOT_IMPLEMENTED:
          return "NotImplemented";
        default:
          return GenericRepr(snapshot, object);
      }
    case Object::kBoolValue:
      return object.bool_value() ? "True" : "False";
    case Object::kTypeValue:
      return TypeObject(snapshot, object);
    case Object::kFunction:
      return absl::StrCat("<function ", FunctionName(snapshot, object), " at ", At(object), ">");
    case Object::kBuiltinFunction:
      return BuiltinFunction(snapshot, object);
    case Object::kCell:
      return Cell(snapshot, object);
    case Object::kModule:
      return Module(snapshot, object);
    case Object::kCode:
      return absl::StrCat("<code object ", Str(snapshot.string(object.code().name())), " at ", At(object), ", file \"",
                          Str(snapshot.string(object.code().filename())), "\", line ", object.code().first_line(), ">");
    case Object::kFrame:
      return FrameObject(snapshot, object);
    case Object::kGenerator:
      return Generator(snapshot, object);
    case Object::kTraceback:
      return GenericRepr(snapshot, object);
    default:
      return std::nullopt;
  }
}

}  // namespace pysnap::format
