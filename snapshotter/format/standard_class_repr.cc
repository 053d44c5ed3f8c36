#include "snapshotter/format/standard_class_repr.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/python_rules.h"
#include "snapshotter/format/repr.h"

namespace pysnap::format {
namespace {

using proto::Object;
using Pieces = ReprPieces;

// An instance's attributes, by name.
class Fields {
 public:
  Fields(const LoadedSnapshot& snapshot, const Object& object) : snapshot_(snapshot), object_(object) {}

  uint32_t Id(std::string_view name) const { return FindAttribute(snapshot_, object_, name); }
  const Object* Get(std::string_view name) const { return snapshot_.object(Id(name)); }
  std::optional<std::string_view> Str(std::string_view name) const { return StrOf(snapshot_, Id(name)); }
  std::optional<int64_t> Int(std::string_view name) const {
    const Object* value = Get(name);
    if (value == nullptr || value->has_absent() || value->value_case() != Object::kIntValue) return std::nullopt;
    return value->int_value();
  }
  std::optional<bool> Bool(std::string_view name) const {
    const Object* value = Get(name);
    if (value == nullptr || value->value_case() != Object::kBoolValue) return std::nullopt;
    return value->bool_value();
  }
  bool IsNone(std::string_view name) const {
    const Object* value = Get(name);
    return value != nullptr && value->singleton() == proto::NONE && value->has_singleton();
  }

 private:
  const LoadedSnapshot& snapshot_;
  const Object& object_;
};

const PythonRules& Rules(const LoadedSnapshot& snapshot) {
  return RulesFor(snapshot.header().process().python().minor());
}

// What object.__repr__ has before the colon for classes of threading, from 3.11 on.
std::string Named(const LoadedSnapshot& snapshot, const Object& object) {
  return absl::StrCat("<", TypeNameOf(snapshot, object), " at ", AddressText(object.address()));
}

// ---- argparse, collections

bool IsIdentifier(std::string_view text) {
  return !text.empty() && !absl::ascii_isdigit(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// _AttributeHolder.__repr__, Lib/argparse.py.
Pieces Namespace(const LoadedSnapshot& snapshot, const Object& object) {
  std::vector<NamedValue> attributes = AttributesOf(snapshot, object);
  if (Rules(snapshot).sorted_namespace) {
    std::stable_sort(attributes.begin(), attributes.end(),
                     [](const NamedValue& a, const NamedValue& b) { return a.name < b.name; });
  }
  std::vector<ReprPiece> pieces = {{"Namespace("}};
  for (const NamedValue& attribute : attributes) {
    // Others are told as a dict after these; letters beyond ASCII are not decided here.
    if (!IsIdentifier(attribute.name)) return std::nullopt;
    pieces.push_back({absl::StrCat(pieces.size() == 1 ? "" : ", ", std::string(attribute.name), "=")});
    pieces.push_back({"", attribute.id});
  }
  pieces.push_back({")"});
  return pieces;
}

Pieces ChainMap(const LoadedSnapshot& snapshot, const Object& object) {
  const Object* maps = Fields(snapshot, object).Get("maps");
  if (maps == nullptr || maps->has_absent() || !maps->has_sequence()) return std::nullopt;
  std::vector<ReprPiece> pieces = {{"ChainMap("}};
  for (const uint32_t map : maps->sequence().item()) {
    if (pieces.size() > 1) pieces.push_back({", "});
    pieces.push_back({"", map});
  }
  pieces.push_back({")"});
  return pieces;
}

// UserDict, UserList, UserString and weakref.WeakSet are shown as what they hold.
Pieces Data(const LoadedSnapshot& snapshot, const Object& object) {
  const uint32_t data = Fields(snapshot, object).Id("data");
  if (data == 0) return std::nullopt;
  return std::vector<ReprPiece>{{"", data}};
}

// ---- threading, concurrent.futures

Pieces Event(const LoadedSnapshot& snapshot, const Object& object) {
  const std::optional<bool> set = Fields(snapshot, object).Bool("_flag");
  if (!Rules(snapshot).states_of_locks || !set.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat(Named(snapshot, object), *set ? ": set>" : ": unset>"));
}

Pieces Semaphore(const LoadedSnapshot& snapshot, const Object& object, bool bounded) {
  const Fields fields(snapshot, object);
  const std::optional<int64_t> value = fields.Int("_value");
  const std::optional<int64_t> initial = bounded ? fields.Int("_initial_value") : 0;
  if (!Rules(snapshot).states_of_locks || !value.has_value() || !initial.has_value()) return std::nullopt;
  const std::string of = bounded ? absl::StrCat("/", *initial) : "";
  return OnlyText(absl::StrCat(Named(snapshot, object), ": value=", *value, of, ">"));
}

Pieces Barrier(const LoadedSnapshot& snapshot, const Object& object) {
  constexpr int64_t kBroken = -2;
  const Fields fields(snapshot, object);
  const std::optional<int64_t> state = fields.Int("_state");
  const std::optional<int64_t> count = fields.Int("_count");
  const std::optional<int64_t> parties = fields.Int("_parties");
  if (!Rules(snapshot).states_of_locks || !state.has_value() || !count.has_value() || !parties.has_value()) {
    return std::nullopt;
  }
  if (*state == kBroken) return OnlyText(Named(snapshot, object) + ": broken>");
  return OnlyText(absl::StrCat(Named(snapshot, object), ": waiters=", *state == 0 ? *count : 0, "/", *parties, ">"));
}

Pieces Condition(const LoadedSnapshot& snapshot, const Object& object) {
  const Fields fields(snapshot, object);
  const Object* waiters = fields.Get("_waiters");
  const uint32_t lock = fields.Id("_lock");
  if (lock == 0 || waiters == nullptr || !waiters->has_sequence()) return std::nullopt;
  const uint64_t count = LengthOf(*waiters).value_or(0);
  return std::vector<ReprPiece>{{"<Condition("}, {"", lock}, {absl::StrCat(", ", count, ")>")}};
}

// Of one that has been started, only the system knows whether it still runs.
Pieces Thread(const LoadedSnapshot& snapshot, const Object& object) {
  const Fields fields(snapshot, object);
  const Object* started = fields.Get("_started");
  const std::optional<std::string_view> name = fields.Str("_name");
  const std::optional<bool> daemon = fields.Bool("_daemonic");
  if (started == nullptr || !name.has_value() || !daemon.has_value()) return std::nullopt;
  const std::optional<bool> begun = Fields(snapshot, *started).Bool("_flag");
  if (!begun.has_value() || *begun) return std::nullopt;
  return OnlyText(absl::StrCat("<Thread(", std::string(*name), ", initial", *daemon ? " daemon" : "", ")>"));
}

Pieces Future(const LoadedSnapshot& snapshot, const Object& object) {
  const Fields fields(snapshot, object);
  const std::optional<std::string_view> state = fields.Str("_state");
  if (!state.has_value()) return std::nullopt;
  const std::string begin = absl::StrCat("<Future at ", AddressText(object.address()), " state=");
  constexpr std::pair<std::string_view, std::string_view> kStates[] = {{"PENDING", "pending"},
                                                                       {"RUNNING", "running"},
                                                                       {"CANCELLED", "cancelled"},
                                                                       {"CANCELLED_AND_NOTIFIED", "cancelled"}};
  for (const auto& [known, shown] : kStates) {
    if (*state == known) return OnlyText(absl::StrCat(begin, std::string(shown), ">"));
  }
  if (*state != "FINISHED") return std::nullopt;
  const bool raised = !fields.IsNone("_exception");
  const Object* outcome = fields.Get(raised ? "_exception" : "_result");
  const proto::Type* type = outcome != nullptr ? TypeOf(snapshot, *outcome) : nullptr;
  if (type == nullptr) return std::nullopt;
  return OnlyText(absl::StrCat(begin, "finished ", raised ? "raised " : "returned ",
                               std::string(snapshot.string(type->name())), ">"));
}

// ---- ipaddress

constexpr size_t kFamily = 4;  // how many letters of a class's name say which it is of

std::string V4Text(uint32_t number) {
  return absl::StrFormat("%d.%d.%d.%d", number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255);
}

// _compress_hextets, Lib/ipaddress.py: the longest run of zeros, the first of such, if it is of two or more.
std::string V6Text(const std::array<uint16_t, 8>& groups) {
  size_t best = 0;
  size_t length = 0;
  for (size_t begin = 0; begin < groups.size(); ++begin) {
    size_t end = begin;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - begin > length) {
      best = begin;
      length = end - begin;
    }
  }
  const auto join = [&](size_t from, size_t to) {
    std::vector<std::string> texts;
    for (size_t i = from; i < to; ++i) texts.push_back(absl::StrCat(absl::Hex(groups[i])));
    return absl::StrJoin(texts, ":");
  };
  if (length < 2) return join(0, groups.size());
  return absl::StrCat(join(0, best), "::", join(best + length, groups.size()));
}

std::optional<std::string> AddressOf(const Object& number, bool six) {
  std::string bytes;  // little endian
  if (number.value_case() == Object::kIntValue && number.int_value() >= 0) {
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(number.int_value() >> (8 * i) & 255));
  } else if (number.value_case() == Object::kBigInt) {
    bytes = number.big_int();
    if (!bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80) != 0) return std::nullopt;
  } else {
    return std::nullopt;
  }
  const size_t size = six ? 16 : 4;
  for (size_t i = size; i < bytes.size(); ++i) {
    if (bytes[i] != 0) return std::nullopt;
  }
  bytes.resize(size);
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  if (!six) return V4Text(byte(3) << 24 | byte(2) << 16 | byte(1) << 8 | byte(0));
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<uint16_t>(byte(15 - 2 * i) << 8 | byte(14 - 2 * i));
  }
  return V6Text(groups);
}

// IPv4Address, IPv6Network …
Pieces IpAddress(const LoadedSnapshot& snapshot, const Object& object, std::string_view name) {
  const bool six = name.substr(0, kFamily) == "IPv6";
  const std::string_view kind = name.substr(kFamily);
  const Fields fields(snapshot, object);
  const Object* base = kind == "Network" ? fields.Get("network_address") : &object;
  if (base == nullptr) return std::nullopt;
  const Fields address(snapshot, *base);
  const Object* number = address.Get("_ip");
  std::optional<std::string> text = number != nullptr ? AddressOf(*number, six) : std::nullopt;
  if (!text.has_value()) return std::nullopt;
  if (const auto scope = address.Str("_scope_id")) absl::StrAppend(&*text, "%", std::string(*scope));
  if (kind != "Address") {
    const std::optional<int64_t> prefix = fields.Int("_prefixlen");
    if (!prefix.has_value()) return std::nullopt;
    absl::StrAppend(&*text, "/", *prefix);
  }
  return OnlyText(absl::StrCat(std::string(name), "('", *text, "')"));
}

// ---- weakref

// WeakKeyDictionary and WeakValueDictionary.
Pieces WeakDictionary(const Object& object, std::string_view name) {
  return OnlyText(absl::StrCat("<", std::string(name), " at ", AddressText(object.address()), ">"));
}

// ---- importlib

// ModuleSpec.__repr__, Lib/importlib/_bootstrap.py.
Pieces ModuleSpec(const LoadedSnapshot& snapshot, const Object& object) {
  const Fields fields(snapshot, object);
  std::vector<ReprPiece> pieces;
  const auto add = [&](std::string_view shown, uint32_t id) {
    pieces.push_back({absl::StrCat(pieces.empty() ? "ModuleSpec(" : ", ", std::string(shown), "=")});
    pieces.push_back({"", id});
  };
  for (const std::string_view name : {"name", "loader", "origin", "submodule_search_locations"}) {
    const uint32_t id = fields.Id(name);
    if (id == 0) return std::nullopt;
    const bool optional = name != "name" && name != "loader";
    if (!optional || !fields.IsNone(name)) add(name, id);
  }
  pieces.push_back({")"});
  return pieces;
}

// ---- typing

// _type_repr: classes are told by their names.
std::optional<ReprPiece> TypingArgument(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* argument = snapshot.object(id);
  if (argument == nullptr || argument->has_absent() || argument->has_function()) return std::nullopt;
  if (argument->has_type_value()) return ReprPiece{TypeName(snapshot, argument->type_value())};
  if (argument->has_singleton() && argument->singleton() == proto::ELLIPSIS) return ReprPiece{"..."};
  return ReprPiece{"", id};
}

bool IsNoneType(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* type = snapshot.object(id);
  return type != nullptr && type->has_type_value() && IsType(snapshot, &type->type_value(), "builtins", "NoneType");
}

// Any, ClassVar … of up to 3.10; Union.
Pieces SpecialForm(const LoadedSnapshot& snapshot, const Object& object) {
  const std::optional<std::string_view> name = Fields(snapshot, object).Str("_name");
  if (!name.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat("typing.", std::string(*name)));
}

// _GenericAlias.__repr__ and those of the classes derived from it, Lib/typing.py.
Pieces TypingAlias(const LoadedSnapshot& snapshot, const Object& object, std::string_view kind) {
  const Fields fields(snapshot, object);
  const Object* arguments = fields.Get("__args__");
  if (arguments == nullptr || arguments->has_absent() || !arguments->has_sequence()) return std::nullopt;
  const std::vector<uint32_t> ids(arguments->sequence().item().begin(), arguments->sequence().item().end());
  if (ids.empty()) return std::nullopt;
  const std::optional<std::string_view> name = fields.Str("_name");
  std::vector<ReprPiece> pieces;
  if (kind == "_UnionGenericAlias" && ids.size() == 2 && IsNoneType(snapshot, ids[0]) != IsNoneType(snapshot, ids[1])) {
    const auto other = TypingArgument(snapshot, IsNoneType(snapshot, ids[0]) ? ids[1] : ids[0]);
    if (!other.has_value()) return std::nullopt;
    return std::vector<ReprPiece>{{"typing.Optional["}, *other, {"]"}};
  }
  if (name.has_value()) {
    pieces.push_back({absl::StrCat("typing.", std::string(*name))});
  } else if (const auto origin = TypingArgument(snapshot, fields.Id("__origin__"))) {
    pieces.push_back(*origin);
  } else {
    return std::nullopt;
  }
  if (fields.Bool("_special").value_or(false)) return pieces;  // List without arguments, of 3.8
  std::vector<ReprPiece> shown;
  for (const uint32_t id : ids) {
    const std::optional<ReprPiece> argument = TypingArgument(snapshot, id);
    if (!argument.has_value()) return std::nullopt;
    shown.push_back(*argument);
  }
  const bool in_brackets = name == "Callable" && !(ids.size() == 2 && shown[0].text == "...");
  pieces.push_back({in_brackets ? "[[" : "["});
  for (size_t i = 0; i < shown.size(); ++i) {
    const bool closes = in_brackets && i + 1 == shown.size();
    if (closes) pieces.push_back({"], "});
    if (i != 0 && !closes) pieces.push_back({", "});
    pieces.push_back(shown[i]);
  }
  pieces.push_back({"]"});
  return pieces;
}

// TypeVar and ParamSpec.
Pieces TypeVariable(const LoadedSnapshot& snapshot, const Object& object) {
  const Fields fields(snapshot, object);
  const std::optional<std::string_view> name = fields.Str("__name__");
  const std::optional<bool> co = fields.Bool("__covariant__");
  const std::optional<bool> contra = fields.Bool("__contravariant__");
  if (!name.has_value() || !co.has_value() || !contra.has_value()) return std::nullopt;
  const bool inferred = fields.Bool("__infer_variance__").value_or(false);  // 3.12 on
  return OnlyText(absl::StrCat(inferred ? "" : *co ? "+" : *contra ? "-" : "~", std::string(*name)));
}

// TypeVarTuple and TypeAliasType, which has a qualified name from 3.15 on.
Pieces TypingName(const LoadedSnapshot& snapshot, const Object& object) {
  const Fields fields(snapshot, object);
  const std::optional<std::string_view> name = fields.Str(fields.Id("__qualname__") != 0 ? "__qualname__" : "__name__");
  return name.has_value() ? OnlyText(std::string(*name)) : std::nullopt;
}

}  // namespace

ReprPieces StandardClassRepr(const LoadedSnapshot& snapshot,
                             const Object& object,
                             std::string_view module,
                             std::string_view name) {
  if (module == "typing") {
    // Of those that are classes of C (3.12 on) the members are known.
    if (name == "TypeVar" || name == "ParamSpec") return TypeVariable(snapshot, object);
    if (name == "TypeVarTuple" && Fields(snapshot, object).Id("__covariant__") != 0) {
      return TypeVariable(snapshot, object);  // 3.15 on
    }
    if (name == "TypeVarTuple" || name == "TypeAliasType") return TypingName(snapshot, object);
  }
  if (object.has_absent()) return std::nullopt;
  if (module == "argparse" && name == "Namespace") return Namespace(snapshot, object);
  if (module == "collections") {
    if (name == "ChainMap") return ChainMap(snapshot, object);
    if (name == "UserDict" || name == "UserList" || name == "UserString") return Data(snapshot, object);
  }
  if (module == "threading") {
    if (name == "Event") return Event(snapshot, object);
    if (name == "Semaphore") return Semaphore(snapshot, object, /*bounded=*/false);
    if (name == "BoundedSemaphore") return Semaphore(snapshot, object, /*bounded=*/true);
    if (name == "Barrier") return Barrier(snapshot, object);
    if (name == "Condition") return Condition(snapshot, object);
    if (name == "Thread") return Thread(snapshot, object);
  }
  if (module == "concurrent.futures._base" && name == "Future") return Future(snapshot, object);
  if (module == "ipaddress" && (name.substr(0, kFamily) == "IPv4" || name.substr(0, kFamily) == "IPv6")) {
    return IpAddress(snapshot, object, name);
  }
  if (module == "weakref" && (name == "WeakKeyDictionary" || name == "WeakValueDictionary")) {
    return WeakDictionary(object, name);
  }
  if (module == "_weakrefset" && name == "WeakSet") return Data(snapshot, object);
  if ((module == "_frozen_importlib" || module == "importlib._bootstrap") && name == "ModuleSpec") {
    return ModuleSpec(snapshot, object);
  }
  if (module == "typing") {
    if (name == "_SpecialForm" || name == "_SpecialGenericAlias") return SpecialForm(snapshot, object);
    if (name == "_GenericAlias" || name == "_CallableGenericAlias" || name == "_UnionGenericAlias") {
      return TypingAlias(snapshot, object, name);
    }
  }
  return std::nullopt;
}

}  // namespace pysnap::format
