#include "snapshotter/format/weak_repr.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/python_rules.h"

namespace pysnap::format {
namespace {

using proto::Object;

const PythonRules& Rules(const LoadedSnapshot& snapshot) {
  return RulesFor(snapshot.header().process().python().minor());
}

// The classes of the type and its bases that the program, or a library of it, has brought along.
bool AnyForeignClass(const LoadedSnapshot& snapshot, const proto::Type& type) {
  return std::any_of(type.mro().begin(), type.mro().end(), [&](uint32_t id) {
    const Object* base = snapshot.object(id);
    return base == nullptr || !base->has_type_value() ||
           !IsStandardModule(snapshot.string(base->type_value().module()));
  });
}

// What looking up `__name__` gave: a str, no str (nothing, or something else), or nothing when that is not known here.
struct Name {
  std::optional<std::string> text;
};

// As a class statement's classes have it: by its own __dict__ and those of its bases.
std::optional<Name> NameInClasses(const LoadedSnapshot& snapshot,
                                  const Object& object,
                                  const proto::Type& type,
                                  bool by_class) {
  if (const uint32_t own = by_class ? 0 : FindAttribute(snapshot, object, "__name__"); own != 0) {
    const auto text = StrOf(snapshot, own);
    return Name{text.has_value() ? std::optional(std::string(*text)) : std::nullopt};
  }
  if (type.heap() && type.mro().empty()) return std::nullopt;
  for (const uint32_t id : type.mro()) {
    const Object* base = snapshot.object(id);
    if (base == nullptr || !base->has_type_value()) return std::nullopt;
    const proto::Type& of = base->type_value();
    if (IsStandardModule(snapshot.string(of.module()))) continue;
    const Object* names = snapshot.object(of.dict());
    if (names == nullptr || !names->has_mapping() || names->has_absent() || names->mapping().omitted() != 0) {
      return std::nullopt;
    }
    for (const std::string_view own_lookup : {"__getattr__", "__getattribute__"}) {
      if (!by_class && FindKey(snapshot, of.dict(), own_lookup) != 0) return std::nullopt;
    }
    if (const uint32_t value = FindKey(snapshot, of.dict(), "__name__"); value != 0) {
      // Anything else may be a descriptor.
      const auto text = StrOf(snapshot, value);
      return text.has_value() ? std::optional(Name{std::string(*text)}) : std::nullopt;
    }
  }
  return Name{};
}

std::optional<Name> NameOfText(const LoadedSnapshot& snapshot, uint32_t str) {
  const auto text = StrOf(snapshot, str);
  return text.has_value() ? std::optional(Name{std::string(*text)}) : std::nullopt;
}

// By getattr(object, "__name__") or, as a special method, by its class.
std::optional<Name> LookUpName(const LoadedSnapshot& snapshot, const Object& object, bool by_class) {
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr) return std::nullopt;
  // A metaclass may have a __name__ of its own.
  if (object.has_type_value()) {
    if (AnyForeignClass(snapshot, *type)) {
      const std::optional<Name> own = NameInClasses(snapshot, object, *type, by_class);
      if (!own.has_value() || own->text.has_value()) return std::nullopt;
    }
    return Name{std::string(snapshot.string(object.type_value().name()))};
  }
  if (object.has_function()) return NameOfText(snapshot, object.function().name());
  if (object.has_generator()) return NameOfText(snapshot, object.generator().name());
  if (object.has_builtin_function()) return Name{std::string(snapshot.string(object.builtin_function().name()))};
  if (object.has_method()) {
    const Object* function = snapshot.object(object.method().function());
    if (by_class) return Name{};
    if (function == nullptr || !function->has_function()) return std::nullopt;
    return NameOfText(snapshot, function->function().name());
  }
  if (object.has_module()) {
    if (by_class) return Name{};
    return NameOfText(snapshot, object.module().name());
  }
  // A class of C may have any attribute. What typing has asks another object.
  const std::string_view module = snapshot.string(type->module());
  if (module == "typing" || (!type->heap() && !IsStandardModule(module))) return std::nullopt;
  return NameInClasses(snapshot, object, *type, by_class);
}

// Nothing also where it depends on the patch release.
std::optional<Name> NameOf(const LoadedSnapshot& snapshot, const Object& object) {
  const PythonRules& rules = Rules(snapshot);
  const std::optional<Name> name = LookUpName(snapshot, object, rules.names_by_class);
  if (!rules.names_by_class || !rules.names_by_object || !name.has_value()) return name;
  const std::optional<Name> other = LookUpName(snapshot, object, /*by_class=*/false);
  return other.has_value() && other->text == name->text ? name : std::nullopt;
}

// The type's name as PyUnicode_FromFormat puts it for %T, or (to 3.12) its tp_name.
std::optional<std::string> ReferentType(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* object = snapshot.object(id);
  if (object == nullptr || !object->has_type_value()) return std::nullopt;
  const proto::Type& type = object->type_value();
  if (!Rules(snapshot).full_names_in_c) return SureTypeNameInC(snapshot, type);
  if (snapshot.string(type.module()) == "__main__") return std::string(snapshot.string(type.qualname()));
  return TypeName(snapshot, type);
}

}  // namespace

ReprPieces WeakRepr(const LoadedSnapshot& snapshot,
                    const Object& object,
                    std::string_view module,
                    std::string_view name) {
  // weakref_repr and proxy_repr, Objects/weakrefobject.c. Types of C were in builtins before they were in weakref.
  const bool of_c = module == "weakref" || module == "builtins";
  const bool proxy = of_c && (name == "weakproxy" || name == "weakcallableproxy" || name == "ProxyType" ||
                              name == "CallableProxyType");
  const bool reference =
      of_c && (name == "weakref" || name == "ReferenceType" || name == "KeyedRef" || name == "WeakMethod");
  if ((!proxy && !reference) || !object.has_parts()) return std::nullopt;
  const Object* referent = snapshot.object(PartsOf(snapshot, object).Id("object"));
  // One that was redacted has no address.
  if (referent == nullptr || referent->address() == 0) return std::nullopt;
  const std::string begin = absl::StrCat(proxy ? "<weakproxy at " : "<weakref at ", AddressText(object.address()));
  const bool dead = referent->has_singleton() && referent->singleton() == proto::NONE;
  const bool full_names = Rules(snapshot).full_names_in_c;
  if (dead && (reference || full_names)) return OnlyText(begin + "; dead>");
  const std::optional<std::string> type = ReferentType(snapshot, referent->type());
  if (!type.has_value()) return std::nullopt;
  const std::string at = absl::StrCat(" at ", AddressText(referent->address()));
  if (proxy) {
    return OnlyText(absl::StrCat(begin, full_names ? "; to '" : " to ", *type, full_names ? "'" : "", at, ">"));
  }
  const std::optional<Name> own = NameOf(snapshot, *referent);
  if (!own.has_value()) return std::nullopt;
  const std::string in_brackets = own->text.has_value() ? absl::StrCat(" (", *own->text, ")") : "";
  return OnlyText(absl::StrCat(begin, "; to '", *type, "'", at, in_brackets, ">"));
}

}  // namespace pysnap::format
