// What every view asks about the objects of a snapshot.
#ifndef PYSNAP_FORMAT_OBJECT_FACTS_H_
#define PYSNAP_FORMAT_OBJECT_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/snapshot.pb.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// A name and the object id of its value.
struct NamedValue {
  std::string_view name;
  uint32_t id = 0;
};

// Null when the type is not known.
const proto::Type* TypeOf(const LoadedSnapshot& snapshot, const proto::Object& object);

// "module.qualname", or the qualname alone for builtins.
std::string TypeName(const LoadedSnapshot& snapshot, const proto::Type& type);
// Of the object's type; empty when it is not known.
std::string TypeNameOf(const LoadedSnapshot& snapshot, const proto::Object& object);

// What the C library's messages call it (tp_name): classes made by a class statement by their bare name, those of C
// with their module.
std::string TypeNameInC(const LoadedSnapshot& snapshot, const proto::Type& type);
// The same, where it is certain: of the library's own classes up to 3.9 nothing tells which are made by a class
// statement.
std::optional<std::string> SureTypeNameInC(const LoadedSnapshot& snapshot, const proto::Type& type);

// Whether the type is the one `module`.`name`.
bool IsType(const LoadedSnapshot& snapshot, const proto::Type* type, std::string_view module, std::string_view name);

// Whether the object's type is that one or derived from it.
bool IsInstance(const LoadedSnapshot& snapshot,
                const proto::Object& object,
                std::string_view module,
                std::string_view name);

// Whether a class of this module belongs to Python: builtins and the standard library.
bool IsStandardModule(std::string_view module);

// Instance of a class that the program, not Python, has brought along: only its class knows how its repr() looks.
bool IsUserInstance(const LoadedSnapshot& snapshot, const proto::Object& object);

// The text of a str object; nothing for anything else.
std::optional<std::string_view> StrOf(const LoadedSnapshot& snapshot, uint32_t id);

// The value of a str key in a dict object: its object id, 0 when it is not there.
uint32_t FindKey(const LoadedSnapshot& snapshot, uint32_t dict, std::string_view key);
// The same for an instance's attribute, in its __dict__ or outside.
uint32_t FindAttribute(const LoadedSnapshot& snapshot, const proto::Object& object, std::string_view name);

// An instance's attributes: its __dict__, then what lies outside of it (inline values, slots); for exceptions also the
// fields of their C struct.
std::vector<NamedValue> AttributesOf(const LoadedSnapshot& snapshot, const proto::Object& object);
// Whether it is a value of which one asks for attributes, even if it has none.
bool HasAttributes(const LoadedSnapshot& snapshot, const proto::Object& object);

// Whether the object's repr() is that of its contents alone: of the builtin containers themselves, not of types derived
// from them (named tuples written in C tell their fields).
bool IsBuiltinContainer(const LoadedSnapshot& snapshot, const proto::Object& object);

// An int, a str or the like of a class that is derived from the builtin one, and may be written in any way.
bool IsDerivedScalar(const LoadedSnapshot& snapshot, const proto::Object& object);

// Whether repr() does not tell the builtin value inside: an instance of a subclass of a builtin.
bool HasHiddenContents(const LoadedSnapshot& snapshot, const proto::Object& object);

// len(), for what has one.
std::optional<uint64_t> LengthOf(const proto::Object& object);

// "limit: --max-objects 1000".
std::string AbsentText(const proto::Absent& absent);

// "0x7f12".
std::string AddressText(uint64_t address);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_OBJECT_FACTS_H_
