#include "snapshotter/format/repr.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/format/class_repr.h"
#include "snapshotter/format/library_repr.h"
#include "snapshotter/format/named_repr.h"
#include "snapshotter/format/number_text.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/python_rules.h"
#include "snapshotter/format/repr_text.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

using proto::Object;

std::string Str(std::string_view text) { return std::string(text); }

bool IsDictView(std::string_view type) {
  constexpr std::string_view kNames[] = {"dict_keys",  "dict_values",  "dict_items",
                                         "odict_keys", "odict_values", "odict_items"};
  return std::find(std::begin(kNames), std::end(kNames), type) != std::end(kNames);
}

class Renderer {
 public:
  Renderer(const LoadedSnapshot& snapshot, const ReprOptions& options)
      : snapshot_(snapshot),
        as_builtin_(options.as_builtin),
        minor_(snapshot.header().process().python().minor()),
        rules_(RulesFor(minor_)),
        max_characters_(options.max_characters),
        out_(options.max_characters) {}

  ReprText Render(uint32_t id) {
    PushValue(id);
    while (!tasks_.empty() && !out_.full()) Step();
    return out_.Take();
  }

 private:
  enum class PairStyle : uint8_t { kDict, kTuples, kKeys, kValues, kKeywords };

  struct Task {
    enum Kind : uint8_t { kText, kValue, kLeave, kItems, kPairs };
    Kind kind;
    uint32_t id = 0;     // kValue, kLeave
    int index = 0;       // kItems, kPairs: the next one
    bool value = false;  // kPairs: the value of `index` is next, not the key
    PairStyle style = PairStyle::kDict;
    const Object* object = nullptr;
    std::string text = {};  // kText; kItems, kPairs: what closes it
  };

  // Tasks are a stack: what is pushed last is written first.
  void PushText(std::string text) { tasks_.push_back({.kind = Task::kText, .text = std::move(text)}); }
  void PushValue(uint32_t id) { tasks_.push_back({.kind = Task::kValue, .id = id}); }

  void Step() {
    Task& task = tasks_.back();
    switch (task.kind) {
      case Task::kText: {
        const std::string text = std::move(task.text);
        tasks_.pop_back();
        out_.Append(text);
        return;
      }
      case Task::kValue: {
        const uint32_t id = task.id;
        tasks_.pop_back();
        Value(id);
        return;
      }
      case Task::kLeave: {
        const auto it = active_.find(task.id);
        if (--it->second == 0) active_.erase(it);
        tasks_.pop_back();
        return;
      }
      case Task::kItems:
        NextItem();
        return;
      case Task::kPairs:
        NextPair();
        return;
    }
  }

  void NextItem() {
    Task& task = tasks_.back();
    const proto::Sequence& sequence = task.object->sequence();
    if (task.index >= sequence.item_size()) return Close();
    if (task.index > 0) out_.Append(", ");
    PushValue(sequence.item(task.index++));
  }

  void NextPair() {
    Task& task = tasks_.back();
    const proto::Mapping& mapping = task.object->mapping();
    if (task.index >= std::min(mapping.key_size(), mapping.value_size())) return Close();
    const PairStyle style = task.style;
    const int index = task.index;
    if (task.value) {
      task.value = false;
      ++task.index;
      if (style == PairStyle::kTuples) PushText(")");
      if (style != PairStyle::kValues)
        out_.Append(style == PairStyle::kTuples ? ", " : style == PairStyle::kKeywords ? "=" : ": ");
      return PushValue(mapping.value(index));
    }
    if (index > 0) out_.Append(", ");
    if (style == PairStyle::kKeys) {
      ++task.index;
      return PushValue(mapping.key(index));
    }
    task.value = true;
    if (style == PairStyle::kTuples) out_.Append("(");
    if (style == PairStyle::kKeywords) return out_.Append(StrOf(snapshot_, mapping.key(index)).value_or("?"));
    if (style != PairStyle::kValues) PushValue(mapping.key(index));
  }

  // Ends the container on top of the stack; says what of it is missing.
  void Close() {
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    const uint64_t have = static_cast<uint64_t>(task.index);
    uint64_t missing = task.object->mapping().omitted();
    if (task.object->has_absent() && task.object->length() > have) missing = task.object->length() - have;
    if (missing != 0 || task.object->has_absent()) {
      if (have != 0) out_.Append(", ");
      out_.Append(absl::StrCat("<", missing != 0 ? absl::StrCat(missing, " more ") : "the rest ",
                               task.object->has_absent() ? AbsentText(task.object->absent()) : "not followed", ">"));
    }
    out_.Append(task.text);
  }

  // False, after writing `marker`, when `id` is being written already (more than `limit` times).
  bool Enter(uint32_t id, std::string_view marker, int limit = 1) {
    int& count = active_[id];
    if (count >= limit) {
      out_.Append(marker);
      return false;
    }
    ++count;
    tasks_.push_back({.kind = Task::kLeave, .id = id});
    return true;
  }

  void Value(uint32_t id) {
    if (id == 0) return out_.Append("<NULL>");
    const Object* object = snapshot_.object(id);
    if (object == nullptr) return out_.Append("<absent: missing from the snapshot>");
    const bool as_builtin = std::exchange(as_builtin_, false);
    if (!as_builtin) {
      if (auto pieces = LibraryRepr(snapshot_, *object, max_characters_)) {
        if (Enter(id, "...", 2)) PushPieces(*std::move(pieces));
        return;
      }
    }
    if (!as_builtin && !IsUserInstance(snapshot_, *object)) {
      if (auto pieces = ClassRepr(snapshot_, *object)) {
        if (Enter(id, "...", 2)) PushPieces(*std::move(pieces));
        return;
      }
    }
    switch (object->value_case()) {
      case Object::VALUE_NOT_SET:
        if (object->has_absent()) return Absent(*object);
        if (IsType(snapshot_, TypeOf(snapshot_, *object), "types", "SimpleNamespace")) return Namespace(id, *object);
        return Generic(*object);
      case Object::kMethod:
        return Method(id, *object);
      case Object::kSlice:
        return Slice(id, *object);
      default:
        break;
    }
    if (const auto text = NamedRepr(snapshot_, *object)) return out_.Append(*text);
    // From here on, classes can be derived from the type, and their instances look as their class wants.
    if (!as_builtin && (IsUserInstance(snapshot_, *object) || IsDerivedScalar(snapshot_, *object)))
      return Generic(*object);
    switch (object->value_case()) {
      case Object::kIntValue:
        return out_.Append(absl::StrCat(object->int_value()));
      case Object::kBigInt: {
        const std::string text = IntText(object->big_int());
        return out_.Append(text.empty() ? absl::StrCat("<int of ", object->big_int().size(), " bytes>") : text);
      }
      case Object::kFloatValue:
        return out_.Append(FloatText(object->float_value()));
      case Object::kComplex:
        return out_.Append(ComplexText(object->complex().real(), object->complex().imag()));
      case Object::kStr:
        AppendStrRepr(object->str(), minor_, &out_);
        CutText(*object, CountCharacters(object->str()) + CountCharacters(object->tail()));
        if (!object->tail().empty()) AppendStrRepr(object->tail(), minor_, &out_);
        return;
      case Object::kBytesValue:
        return Bytes(*object);
      case Object::kSequence:
        return Sequence(id, *object, as_builtin);
      case Object::kMapping:
        return Mapping(id, *object, as_builtin);
      case Object::kException:
        return Exception(id, *object);
      case Object::kParts:
        return Parts(id, *object);
      default:
        return Generic(*object);
    }
  }

  // In the order in which they are to be written.
  void PushPieces(std::vector<ReprPiece> pieces) {
    for (size_t i = pieces.size(); i-- > 0;) {
      if (pieces[i].text.empty()) {
        PushValue(pieces[i].id);
      } else {
        PushText(std::move(pieces[i].text));
      }
    }
  }

  uint32_t Part(const Object& object, std::string_view name) {
    for (const proto::Attribute& part : object.parts().part()) {
      if (snapshot_.string(part.name()) == name) return part.value();
    }
    return 0;
  }

  // Types of C whose instances are a few named objects.
  void Parts(uint32_t id, const Object& object) {
    const std::string type = TypeNameOf(snapshot_, object);
    if ((type == "staticmethod" || type == "classmethod") && rules_.wrapped_in_staticmethod) {
      if (Enter(id, "...", 2)) PushPieces({{"<" + type + "("}, {"", Part(object, "__func__")}, {")>"}});
    } else if (type == "mappingproxy") {
      if (Enter(id, "...", 2)) PushPieces({{"mappingproxy("}, {"", Part(object, "mapping")}, {")"}});
    } else if (IsDictView(type)) {
      DictView(id, type, Part(object, "mapping"));
    } else if (type == "functools.partial") {
      Partial(id, object);
    } else if (type == "_contextvars.ContextVar" || type == "ContextVar") {  // up to 3.9 without its module
      const auto name = StrOf(snapshot_, Part(object, "name"));
      if (!name.has_value()) return Generic(object);
      if (!Enter(id, "...", 2)) return;
      const uint32_t value = Part(object, "default");
      std::vector<ReprPiece> pieces = {{"<ContextVar name=" + StrRepr(snapshot_, *name)}};
      if (value != 0) pieces.insert(pieces.end(), {{" default="}, {"", value}});
      pieces.push_back({" at " + At(object) + ">"});
      PushPieces(std::move(pieces));
    } else {
      Generic(object);
    }
  }

  void DictView(uint32_t id, const std::string& type, uint32_t mapping) {
    const Object* dict = snapshot_.object(mapping);
    if (dict == nullptr || !dict->has_mapping()) return Generic(*snapshot_.object(id));
    if (!Enter(id, "...")) return;
    out_.Append(type + "([");
    const PairStyle style = absl::EndsWith(type, "keys")     ? PairStyle::kKeys
                            : absl::EndsWith(type, "values") ? PairStyle::kValues
                                                             : PairStyle::kTuples;
    tasks_.push_back({.kind = Task::kPairs, .style = style, .object = dict, .text = "])"});
  }

  // partial_repr: functools.partial(f, 1, key=2).
  void Partial(uint32_t id, const Object& object) {
    const Object* args = snapshot_.object(Part(object, "args"));
    const Object* keywords = snapshot_.object(Part(object, "keywords"));
    if (args == nullptr || !args->has_sequence() || keywords == nullptr || !keywords->has_mapping()) {
      return Generic(object);
    }
    if (!Enter(id, "...")) return;
    PushText(")");
    if (keywords->mapping().key_size() != 0) {
      tasks_.push_back({.kind = Task::kPairs, .style = PairStyle::kKeywords, .object = keywords});
      PushText(", ");
    }
    if (args->sequence().item_size() != 0) {
      tasks_.push_back({.kind = Task::kItems, .object = args});
      PushText(", ");
    }
    PushValue(Part(object, "func"));
    out_.Append("functools.partial(");
  }

  std::string At(const Object& object) { return AddressText(object.address()); }

  void Generic(const Object& object) { out_.Append(GenericRepr(snapshot_, object)); }

  void Absent(const Object& object) {
    const proto::Absent& absent = object.absent();
    if (absent.reason() == proto::Absent::UNSUPPORTED && object.type() != 0 && object.address() != 0) {
      return Generic(object);
    }
    const std::string type = TypeNameOf(snapshot_, object);
    if (absent.reason() == proto::Absent::REDACTED) {
      return out_.Append(type.empty() ? "<redacted>" : absl::StrCat("<redacted ", type, ">"));
    }
    out_.Append(absl::StrCat("<absent", type.empty() ? "" : " ", type, ": ", AbsentText(absent), ">"));
  }

  // Behind a text of which only the beginning was captured.
  void CutText(const Object& object, uint64_t shown) {
    if (!object.has_absent()) return;
    const uint64_t missing = object.tail().empty() ? 0 : object.length() - std::min(object.length(), shown);
    const std::string what = missing != 0 ? absl::StrCat(missing, " more") : "the rest";
    out_.Append(absl::StrCat("<", what, " ", AbsentText(object.absent()), ">"));
  }

  void Bytes(const Object& object) {
    const bool is_bytearray = IsInstance(snapshot_, object, "builtins", "bytearray");
    if (is_bytearray) out_.Append("bytearray(");
    const bool escape = is_bytearray && !rules_.bytearray_as_bytes;
    AppendBytesRepr(object.bytes_value(), escape, &out_);
    CutText(object, object.bytes_value().size() + object.tail().size());
    if (!object.tail().empty()) AppendBytesRepr(object.tail(), escape, &out_);
    if (is_bytearray) out_.Append(")");
  }

  void Method(uint32_t id, const Object& object) {
    const Object* function = snapshot_.object(object.method().function());
    std::string name = "?";
    if (function != nullptr && function->has_function()) {
      name = FunctionName(snapshot_, *function);
    } else if (function != nullptr && function->has_builtin_function()) {
      name = Str(snapshot_.string(function->builtin_function().name()));
    }
    if (!Enter(id, "...", 2)) return;
    PushText(">");
    PushValue(object.method().self());
    out_.Append(absl::StrCat("<bound method ", name, " of "));
  }

  void Slice(uint32_t id, const Object& object) {
    const proto::Slice& slice = object.slice();
    if (!Enter(id, "...", 2)) return;
    PushText(")");
    const Object* step = snapshot_.object(slice.step());
    if (!slice.is_range() || step == nullptr || step->value_case() != Object::kIntValue || step->int_value() != 1) {
      PushValue(slice.step());
      PushText(", ");
    }
    PushValue(slice.stop());
    PushText(", ");
    PushValue(slice.start());
    out_.Append(slice.is_range() ? "range(" : "slice(");
  }

  void Sequence(uint32_t id, const Object& object, bool as_builtin) {
    const proto::Sequence& sequence = object.sequence();
    const bool empty = sequence.item_size() == 0 && !object.has_absent();
    std::string open;
    std::string close;
    std::string cycle;
    switch (sequence.kind()) {
      case proto::Sequence::TUPLE:
        open = "(";
        close = sequence.item_size() == 1 && !object.has_absent() ? ",)" : ")";
        cycle = "(...)";
        break;
      case proto::Sequence::LIST:
        open = "[";
        close = "]";
        cycle = "[...]";
        break;
      case proto::Sequence::SET:
        open = empty ? "set(" : "{";
        close = empty ? ")" : "}";
        cycle = "set(...)";
        break;
      case proto::Sequence::FROZENSET:
        open = empty ? "frozenset(" : "frozenset({";
        close = empty ? ")" : "})";
        cycle = "frozenset(...)";
        break;
      case proto::Sequence::DEQUE:
        open = "deque([";
        close = Maxlen(object);
        cycle = "[...]";
        break;
      default:
        return Generic(object);
    }
    // A standard class derived from a container may write it in any way: only the container itself is known.
    if (!as_builtin && !IsBuiltinContainer(snapshot_, object)) return Generic(object);
    if (!Enter(id, cycle)) return;
    out_.Append(open);
    tasks_.push_back({.kind = Task::kItems, .object = &object, .text = std::move(close)});
  }

  std::string Maxlen(const Object& object) {
    const Object* maxlen = snapshot_.object(FindAttribute(snapshot_, object, "maxlen"));
    if (maxlen == nullptr || maxlen->value_case() != Object::kIntValue) return "])";
    return absl::StrCat("], maxlen=", maxlen->int_value(), ")");
  }

  void Mapping(uint32_t id, const Object& object, bool as_builtin) {
    const proto::Type* type = TypeOf(snapshot_, object);
    std::string open = "{";
    std::string close = "}";
    PairStyle style = PairStyle::kDict;
    if (!as_builtin && IsType(snapshot_, type, "collections", "OrderedDict")) {
      const bool empty = object.mapping().key_size() == 0 && !object.has_absent();
      const bool braces = rules_.ordered_dict_braces;
      if (!braces) style = PairStyle::kTuples;
      open = empty ? "OrderedDict(" : braces ? "OrderedDict({" : "OrderedDict([";
      close = empty ? ")" : braces ? "})" : "])";
    } else if (!as_builtin && IsType(snapshot_, type, "collections", "defaultdict")) {
      const uint32_t factory = FindAttribute(snapshot_, object, "default_factory");
      if (factory == 0) return Generic(object);
      if (!Enter(id, "defaultdict(...)")) return;
      tasks_.push_back({.kind = Task::kPairs, .object = &object, .text = "})"});
      PushPieces({{"defaultdict("}, {"", factory}, {", {"}});
      return;
    } else if (!as_builtin && !IsBuiltinContainer(snapshot_, object)) {
      return Generic(object);
    }
    if (!Enter(id, open[0] == '{' ? "{...}" : "...")) return;
    out_.Append(open);
    tasks_.push_back({.kind = Task::kPairs, .style = style, .object = &object, .text = std::move(close)});
  }

  // namespace(a=1): its __dict__ is all it has.
  void Namespace(uint32_t id, const Object& object) {
    const Object* dict = snapshot_.object(object.dict());
    if (dict == nullptr || !dict->has_mapping()) return Generic(object);
    if (!Enter(id, "namespace(...)")) return;
    out_.Append("namespace(");
    if (rules_.sorted_namespace) {
      std::vector<NamedValue> names = AttributesOf(snapshot_, object);
      std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.name > b.name; });
      PushText(")");
      for (const NamedValue& value : names) {
        PushValue(value.id);
        PushText(absl::StrCat(&value == &names.back() ? "" : ", ", Str(value.name), "="));
      }
      return;
    }
    tasks_.push_back({.kind = Task::kPairs, .style = PairStyle::kKeywords, .object = dict, .text = ")"});
  }

  // BaseException_repr: the name of the class and its arguments.
  void Exception(uint32_t id, const Object& object) {
    const proto::Type* type = TypeOf(snapshot_, object);
    const Object* args = snapshot_.object(object.exception().args());
    if (type == nullptr || args == nullptr || !args->has_sequence()) return Generic(object);
    // Python does not look for cycles here, but the arguments' containers do.
    if (!Enter(id, "...", 2)) return;
    out_.Append(snapshot_.string(type->name()));
    if (args->sequence().item_size() != 1) return PushValue(object.exception().args());
    PushText(")");
    if (rules_.import_error_names) PushImportErrorNames(object);
    PushValue(args->sequence().item(0));
    out_.Append("(");
  }

  void PushImportErrorNames(const Object& object) {
    for (const char* name : {"path", "name"}) {
      for (const proto::Attribute& field : object.exception().field()) {
        const Object* value = snapshot_.object(field.value());
        if (snapshot_.string(field.name()) != name || value == nullptr || value->has_singleton()) continue;
        PushValue(field.value());
        PushText(absl::StrCat(", ", name, "="));
      }
    }
  }

  const LoadedSnapshot& snapshot_;
  bool as_builtin_;
  const uint32_t minor_;
  const PythonRules& rules_;
  const size_t max_characters_;
  ReprOutput out_;
  std::vector<Task> tasks_;
  absl::flat_hash_map<uint32_t, int> active_;
};

}  // namespace

ReprText Repr(const LoadedSnapshot& snapshot, uint32_t id, const ReprOptions& options) {
  return Renderer(snapshot, options).Render(id);
}

std::string StrRepr(const LoadedSnapshot& snapshot, std::string_view text) {
  ReprOutput out(0);
  AppendStrRepr(text, snapshot.header().process().python().minor(), &out);
  return out.Take().text;
}

}  // namespace pysnap::format
