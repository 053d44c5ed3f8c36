#include "snapshotter/format/class_repr.h"

#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "snapshotter/format/object_facts.h"

namespace pysnap::format {
namespace {

using proto::Object;

std::string Str(std::string_view text) { return std::string(text); }

// What a class has under a name, or one that it derives from; null when there is nothing.
const Object* ClassAttribute(const LoadedSnapshot& snapshot, const proto::Type& type, std::string_view name) {
  for (const uint32_t id : type.mro()) {
    const Object* base = snapshot.object(id);
    if (base == nullptr || !base->has_type_value()) return nullptr;
    const uint32_t found = FindKey(snapshot, base->type_value().dict(), name);
    if (found != 0) return snapshot.object(found);
  }
  return nullptr;
}

// Whether the __repr__ of the class is Python's own of that file.
bool HasReprOf(const LoadedSnapshot& snapshot, const proto::Type& type, absl::string_view file) {
  const Object* function = ClassAttribute(snapshot, type, "__repr__");
  if (function == nullptr || !function->has_function()) return false;
  const Object* code = snapshot.object(function->function().code());
  return code != nullptr && code->has_code() && Str(snapshot.string(code->code().name())) == "__repr__" &&
         absl::EndsWith(Str(snapshot.string(code->code().filename())), file);
}

// `name(a=1, b=2)`; nothing when there are not as many names as items.
template <typename Names>
ReprPieces WithFields(std::string name, const Names& names, const Object& object) {
  const proto::Sequence& sequence = object.sequence();
  std::vector<ReprPiece> pieces = {{std::move(name) + "("}};
  for (int i = 0; i < sequence.item_size(); ++i) {
    const std::optional<std::string> field = names(i);
    if (!field.has_value()) return std::nullopt;
    pieces.push_back({absl::StrCat(i == 0 ? "" : ", ", *field, "=")});
    pieces.push_back({"", sequence.item(i)});
  }
  pieces.push_back({")"});
  return pieces;
}

// structseq_repr, Objects/structseq.c.
ReprPieces StructSequence(const LoadedSnapshot& snapshot, const proto::Type& type, const Object& object) {
  const auto name = [&](int i) -> std::optional<std::string> {
    if (i >= type.field_size()) return std::nullopt;
    return Str(snapshot.string(type.field(i)));
  };
  return WithFields(TypeName(snapshot, type), name, object);
}

// Lib/collections/__init__.py.
ReprPieces NamedTuple(const LoadedSnapshot& snapshot, const proto::Type& type, const Object& object) {
  const Object* fields = ClassAttribute(snapshot, type, "_fields");
  if (fields == nullptr || !fields->has_sequence()) return std::nullopt;
  const proto::Sequence& names = fields->sequence();
  if (names.item_size() != object.sequence().item_size()) return std::nullopt;
  const auto name = [&](int i) -> std::optional<std::string> {
    const auto text = StrOf(snapshot, names.item(i));
    if (!text.has_value()) return std::nullopt;
    return Str(*text);
  };
  return WithFields(Str(snapshot.string(type.name())), name, object);
}

// Lib/enum.py. The names of a combination of flags are sought when it is shown, up to 3.10.
ReprPieces EnumMember(const LoadedSnapshot& snapshot, const proto::Type& type, const Object& object) {
  const auto name = StrOf(snapshot, FindAttribute(snapshot, object, "_name_"));
  const uint32_t value = FindAttribute(snapshot, object, "_value_");
  if (!name.has_value() || value == 0) return std::nullopt;
  return std::vector<ReprPiece>{
      {absl::StrCat("<", Str(snapshot.string(type.name())), ".", Str(*name), ": ")}, {"", value}, {">"}};
}

// Lib/re.py, Lib/enum.py (global_flag_repr). Up to 3.10 a combination has no name of its own.
ReprPieces RegexFlag(const LoadedSnapshot& snapshot, const Object& object) {
  const auto name = StrOf(snapshot, FindAttribute(snapshot, object, "_name_"));
  if (!name.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat("re.", absl::StrReplaceAll(Str(*name), {{"|", "|re."}})));
}

}  // namespace

ReprPieces ClassRepr(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr || object.has_absent()) return std::nullopt;
  const bool is_tuple = object.has_sequence() && object.sequence().kind() == proto::Sequence::TUPLE;
  if (is_tuple && type->field_size() != 0) return StructSequence(snapshot, *type, object);
  if (is_tuple && HasReprOf(snapshot, *type, "/collections/__init__.py")) return NamedTuple(snapshot, *type, object);
  if (IsType(snapshot, type, "re", "RegexFlag")) return RegexFlag(snapshot, object);
  if (!is_tuple && HasReprOf(snapshot, *type, "/enum.py")) return EnumMember(snapshot, *type, object);
  return std::nullopt;
}

}  // namespace pysnap::format
