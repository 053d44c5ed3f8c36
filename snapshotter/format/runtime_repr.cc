#include "snapshotter/format/runtime_repr.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/python_rules.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/repr_text.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

using proto::Object;
using Pieces = ReprPieces;

std::string At(const Object& object) { return AddressText(object.address()); }

bool IsOne(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* object = snapshot.object(id);
  return object != nullptr && object->value_case() == Object::kIntValue && object->int_value() == 1;
}

// count_repr, Modules/itertoolsmodule.c: a step of one is left out.
Pieces Count(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  if (const std::optional<int64_t> count = parts.Int("count")) return OnlyText(absl::StrCat("count(", *count, ")"));
  const uint32_t number = parts.Id("number");
  const uint32_t step = parts.Id("step");
  if (number == 0 || step == 0) return std::nullopt;
  if (IsOne(snapshot, step)) return std::vector<ReprPiece>{{"count("}, {"", number}, {")"}};
  return std::vector<ReprPiece>{{"count("}, {"", number}, {", "}, {"", step}, {")"}};
}

// repeat_repr.
Pieces Repeat(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const std::optional<int64_t> count = parts.Int("count");
  const uint32_t element = parts.Id("element");
  if (!count.has_value() || element == 0) return std::nullopt;
  return std::vector<ReprPiece>{
      {"repeat("}, {"", element}, {*count < 0 ? std::string(")") : absl::StrCat(", ", *count, ")")}};
}

// repr() of a str or bytes object that is there whole.
std::optional<std::string> TextRepr(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* object = snapshot.object(id);
  if (object == nullptr || object->has_absent() || IsUserInstance(snapshot, *object)) return std::nullopt;
  if (object->value_case() != Object::kStr && object->value_case() != Object::kBytesValue) return std::nullopt;
  return Repr(snapshot, id, {.max_characters = 0}).text;
}

struct Flag {
  int64_t bit;
  const char* name;
};
constexpr int64_t kTemplate = 1;
constexpr int64_t kUnicode = 32;
constexpr int64_t kAscii = 256;
constexpr int64_t kLocale = 4;
// SRE_FLAG_* (Modules/_sre/sre_constants.h).
constexpr Flag kFlags[] = {{kTemplate, "re.TEMPLATE"}, {2, "re.IGNORECASE"}, {kLocale, "re.LOCALE"},
                           {8, "re.MULTILINE"},        {16, "re.DOTALL"},    {kUnicode, "re.UNICODE"},
                           {64, "re.VERBOSE"},         {128, "re.DEBUG"},    {kAscii, "re.ASCII"}};

// pattern_repr, Modules/_sre.c: at most 200 characters of the pattern.
Pieces Pattern(const LoadedSnapshot& snapshot, const Object& object) {
  constexpr size_t kMaxCharacters = 200;
  const PartsOf parts(snapshot, object);
  const std::optional<int64_t> given = parts.Int("flags");
  const std::optional<std::string> pattern = TextRepr(snapshot, parts.Id("pattern"));
  if (!given.has_value() || !pattern.has_value()) return std::nullopt;
  int64_t flags = *given;
  const bool is_str = snapshot.object(parts.Id("pattern"))->value_case() == Object::kStr;
  if (is_str && (flags & (kLocale | kUnicode | kAscii)) == kUnicode) flags &= ~kUnicode;
  std::string names;
  for (const Flag& flag : kFlags) {
    if ((flags & flag.bit) == 0) continue;
    if (flag.bit == kTemplate && !RulesFor(snapshot.header().process().python().minor()).template_flag) continue;
    absl::StrAppend(&names, names.empty() ? "" : "|", flag.name);
    flags &= ~flag.bit;
  }
  if (flags != 0) absl::StrAppend(&names, names.empty() ? "" : "|", "0x", absl::Hex(flags));
  std::string text(Utf8Prefix(*pattern, kMaxCharacters));
  return OnlyText(absl::StrCat("re.compile(", text, names.empty() ? "" : ", ", names, ")"));
}

// match_repr.
Pieces Match(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const std::optional<std::string_view> marks = parts.Bytes("marks");
  const Object* string = snapshot.object(parts.Id("string"));
  if (!marks.has_value() || marks->size() < 2 * sizeof(int64_t) || string == nullptr || string->has_absent() ||
      IsUserInstance(snapshot, *string)) {
    return std::nullopt;
  }
  int64_t span[2];
  std::memcpy(span, marks->data(), sizeof(span));
  if (span[0] < 0 || span[1] < span[0]) return std::nullopt;
  const auto begin = static_cast<size_t>(span[0]);
  const auto end = static_cast<size_t>(span[1]);
  std::string matched;
  if (string->value_case() == Object::kStr) {
    const std::string_view text = string->str();
    const std::string_view before = Utf8Prefix(text, begin);
    matched = StrRepr(snapshot, Utf8Prefix(text.substr(before.size()), end - begin));
  } else if (string->value_case() == Object::kBytesValue && end <= string->bytes_value().size() &&
             IsType(snapshot, TypeOf(snapshot, *string), "builtins", "bytes")) {
    ReprOutput output(0);
    AppendBytesRepr(std::string_view(string->bytes_value()).substr(begin, end - begin), false, &output);
    matched = output.Take().text;
  } else {
    return std::nullopt;
  }
  return OnlyText(absl::StrCat("<re.Match object; span=(", span[0], ", ", span[1], "), match=", matched, ">"));
}

// itemgetter_repr, Modules/_operator.c: several items are a tuple, whose parentheses serve.
Pieces ItemGetter(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const std::optional<int64_t> count = parts.Int("count");
  const uint32_t item = parts.Id("item");
  if (!count.has_value() || item == 0) return std::nullopt;
  if (*count != 1) return std::vector<ReprPiece>{{"operator.itemgetter"}, {"", item}};
  return std::vector<ReprPiece>{{"operator.itemgetter("}, {"", item}, {")"}};
}

// The texts between the dots of a name, or the name where it has none.
std::optional<std::string> Dotted(const LoadedSnapshot& snapshot, uint32_t id) {
  if (const auto name = StrOf(snapshot, id)) return std::string(*name);
  const Object* names = snapshot.object(id);
  if (names == nullptr || names->has_absent() || !names->has_sequence()) return std::nullopt;
  std::string text;
  for (const uint32_t part : names->sequence().item()) {
    const auto name = StrOf(snapshot, part);
    if (!name.has_value()) return std::nullopt;
    absl::StrAppend(&text, text.empty() ? "" : ".", std::string(*name));
  }
  return text;
}

// attrgetter_repr.
Pieces AttributeGetter(const LoadedSnapshot& snapshot, const Object& object) {
  std::string text;
  for (const proto::Attribute& part : object.parts().part()) {
    const std::optional<std::string> name = Dotted(snapshot, part.value());
    if (!name.has_value()) return std::nullopt;
    absl::StrAppend(&text, text.empty() ? "" : ", ", StrRepr(snapshot, *name));
  }
  if (text.empty() || object.has_absent()) return std::nullopt;
  return OnlyText(absl::StrCat("operator.attrgetter(", text, ")"));
}

// methodcaller_repr.
Pieces MethodCaller(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const Object* arguments = snapshot.object(parts.Id("args"));
  const Object* keywords = snapshot.object(parts.Id("kwargs"));
  if (arguments == nullptr || arguments->has_absent() || !arguments->has_sequence()) return std::nullopt;
  std::vector<uint32_t> values;
  if (parts.Int("with_name").value_or(0) == 0) values.push_back(parts.Id("name"));
  values.insert(values.end(), arguments->sequence().item().begin(), arguments->sequence().item().end());
  std::vector<ReprPiece> pieces = {{"operator.methodcaller("}};
  for (const uint32_t value : values) {
    if (pieces.size() > 1) pieces.push_back({", "});
    pieces.push_back({"", value});
  }
  if (keywords != nullptr && keywords->has_mapping()) {
    const proto::Mapping& mapping = keywords->mapping();
    for (int i = 0; i < std::min(mapping.key_size(), mapping.value_size()); ++i) {
      const auto name = StrOf(snapshot, mapping.key(i));
      if (!name.has_value() || keywords->has_absent()) return std::nullopt;
      pieces.push_back({absl::StrCat(", ", std::string(*name), "=")});
      pieces.push_back({"", mapping.value(i)});
    }
  }
  pieces.push_back({")"});
  return pieces;
}

std::optional<std::string> ClassName(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* object = snapshot.object(id);
  if (object == nullptr || !object->has_type_value()) return std::nullopt;
  return SureTypeNameInC(snapshot, object->type_value());
}

// super_repr, Objects/typeobject.c.
Pieces Super(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const std::optional<std::string> type = ClassName(snapshot, parts.Id("__thisclass__"));
  if (!type.has_value() || object.has_absent()) return std::nullopt;
  const std::string begin = absl::StrCat("<super: <class '", *type, "'>, ");
  if (parts.Id("__self_class__") == 0) return OnlyText(begin + "NULL>");
  const std::optional<std::string> own = ClassName(snapshot, parts.Id("__self_class__"));
  if (!own.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat(begin, "<", *own, " object>>"));
}

// s_repr, Modules/_struct.c. The format is kept as bytes, or (3.15) as a str.
Pieces Struct(const LoadedSnapshot& snapshot, const Object& object) {
  if (!RulesFor(snapshot.header().process().python().minor()).struct_format) return std::nullopt;
  const Object* format = snapshot.object(PartsOf(snapshot, object).Id("format"));
  if (format == nullptr || format->has_absent()) return std::nullopt;
  const bool is_bytes = format->value_case() == Object::kBytesValue;
  if (!is_bytes && format->value_case() != Object::kStr) return std::nullopt;
  return OnlyText(absl::StrCat("Struct(", StrRepr(snapshot, is_bytes ? format->bytes_value() : format->str()), ")"));
}

// lock_repr and rlock_repr, Modules/_threadmodule.c.
Pieces Lock(const LoadedSnapshot& snapshot, const Object& object) {
  const std::optional<int64_t> locked = PartsOf(snapshot, object).Int("locked");
  if (!locked.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat("<", *locked != 0 ? "locked" : "unlocked", " _thread.lock object at ", At(object), ">"));
}

Pieces RLock(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const std::optional<int64_t> owner = parts.Int("owner");
  const std::optional<int64_t> count = parts.Int("count");
  if (!owner.has_value() || !count.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat("<", *count != 0 ? "locked" : "unlocked", " _thread.RLock object owner=", *owner,
                               " count=", *count, " at ", At(object), ">"));
}

// memory_repr, Objects/memoryobject.c.
Pieces MemoryView(const LoadedSnapshot& snapshot, const Object& object) {
  const bool released = PartsOf(snapshot, object).Int("released").has_value();
  return OnlyText(absl::StrCat(released ? "<released memory at " : "<memory at ", At(object), ">"));
}

// union_repr, Objects/unionobject.c: None stands for its type, and classes are told by their names.
Pieces Union(const LoadedSnapshot& snapshot, const Object& object) {
  const Object* arguments = snapshot.object(PartsOf(snapshot, object).Id("__args__"));
  if (arguments == nullptr || !arguments->has_sequence() || arguments->has_absent()) return std::nullopt;
  std::vector<ReprPiece> pieces;
  for (const uint32_t id : arguments->sequence().item()) {
    const Object* argument = snapshot.object(id);
    if (argument == nullptr) return std::nullopt;
    if (!pieces.empty()) pieces.push_back({" | "});
    if (!argument->has_type_value()) {
      pieces.push_back({"", id});
    } else if (IsType(snapshot, &argument->type_value(), "builtins", "NoneType")) {
      pieces.push_back({"None"});
    } else {
      pieces.push_back({TypeName(snapshot, argument->type_value())});
    }
  }
  return pieces;
}

// ga_repr, Objects/genericaliasobject.c: classes are told by their names.
Pieces Alias(const LoadedSnapshot& snapshot, const Object& object) {
  const Object* origin = snapshot.object(PartsOf(snapshot, object).Id("__origin__"));
  const Object* arguments = snapshot.object(PartsOf(snapshot, object).Id("__args__"));
  if (origin == nullptr || !origin->has_type_value() || arguments == nullptr || !arguments->has_sequence() ||
      arguments->has_absent() || arguments->sequence().item_size() == 0) {
    return std::nullopt;
  }
  std::vector<ReprPiece> pieces = {{TypeName(snapshot, origin->type_value()) + "["}};
  for (int i = 0; i < arguments->sequence().item_size(); ++i) {
    const uint32_t id = arguments->sequence().item(i);
    const Object* argument = snapshot.object(id);
    if (argument == nullptr) return std::nullopt;
    if (i != 0) pieces.push_back({", "});
    if (argument->has_type_value()) {
      pieces.push_back({TypeName(snapshot, argument->type_value())});
    } else if (argument->has_parts()) {
      pieces.push_back({"", id});
    } else {
      return std::nullopt;
    }
  }
  pieces.push_back({"]"});
  return pieces;
}

// element_repr, Modules/_elementtree.c.
Pieces Element(const LoadedSnapshot& snapshot, const Object& object) {
  const uint32_t tag = PartsOf(snapshot, object).Id("tag");
  if (tag == 0) return std::nullopt;
  return std::vector<ReprPiece>{{"<Element "}, {"", tag}, {" at " + At(object) + ">"}};
}

}  // namespace

ReprPieces RuntimeRepr(const LoadedSnapshot& snapshot,
                       const Object& object,
                       std::string_view module,
                       std::string_view name) {
  if (!object.has_parts()) return std::nullopt;
  if (module == "itertools" && name == "count") return Count(snapshot, object);
  if (module == "itertools" && name == "repeat") return Repeat(snapshot, object);
  if (module == "re" && name == "Pattern") return Pattern(snapshot, object);
  if (module == "re" && name == "Match") return Match(snapshot, object);
  if (module == "operator" && name == "itemgetter") return ItemGetter(snapshot, object);
  if (module == "operator" && name == "attrgetter") return AttributeGetter(snapshot, object);
  if (module == "operator" && name == "methodcaller") return MethodCaller(snapshot, object);
  if (module == "builtins" && name == "super") return Super(snapshot, object);
  if (module == "_struct" && name == "Struct") return Struct(snapshot, object);
  if (module == "_thread" && name == "lock") return Lock(snapshot, object);
  if (module == "_thread" && name == "RLock") return RLock(snapshot, object);
  if (module == "builtins" && name == "memoryview") return MemoryView(snapshot, object);
  if (module == "types" && name == "GenericAlias") return Alias(snapshot, object);
  if (module == "xml.etree.ElementTree" && name == "Element") return Element(snapshot, object);
  if (name == "UnionType" || (module == "typing" && name == "Union")) return Union(snapshot, object);
  return std::nullopt;
}

}  // namespace pysnap::format
