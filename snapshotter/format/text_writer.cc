#include "snapshotter/format/text_writer.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "snapshotter/format/exception_view.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

// Python's traceback module shows a repeated line this often before it counts the rest.
constexpr size_t kShownRepetitions = 3;
// Of an object's attributes, and of the modules, functions and classes of a namespace.
constexpr size_t kMaxAttributes = 30;
// As in Python's traceback module: groups nested deeper, and members beyond, are counted.
constexpr int kMaxGroupDepth = 10;
// Of context managers that are made of generators, which use others.
constexpr int kMaxContextDepth = 10;
constexpr size_t kMaxGroupMembers = 15;

std::string Str(std::string_view text) { return std::string(text); }

std::string LengthText(const proto::Object& object) {
  const auto length = LengthOf(object);
  if (!length.has_value()) return "";
  const char* unit = object.value_case() == proto::Object::kStr          ? "character"
                     : object.value_case() == proto::Object::kBytesValue ? "byte"
                                                                         : "item";
  return absl::StrCat(*length, " ", unit, *length == 1 ? "" : "s");
}

bool IsSamePlace(const FrameView& a, const FrameView& b) {
  if ((a.native == nullptr) != (b.native == nullptr)) return false;
  if (a.native != nullptr && (a.native->pc() != b.native->pc() || b.native->omitted() != 0)) return false;
  return (b.line != 0 || b.native != nullptr) && a.line == b.line && a.file == b.file && a.function == b.function;
}

}  // namespace

// As in Lib/traceback.py: `depth` counts the groups around; inside of groups, lines have a margin.
struct TextWriter::ExceptionContext {
  const std::string& indent;
  const absl::flat_hash_set<uint64_t>& without_locals;
  int depth = 0;
  bool need_close = false;
  absl::flat_hash_set<uint32_t> seen = {};

  std::string Indent() const { return indent + std::string(static_cast<size_t>(2 * depth), ' '); }
  std::string Margin() const { return depth == 0 ? indent : Indent() + "| "; }
};

void TextWriter::Line(std::string_view text) {
  buffer_.append(text).push_back('\n');
  if (buffer_.size() > 64 << 10) Flush();
}

void TextWriter::Flush() {
  if (!buffer_.empty()) sink_(buffer_);
  buffer_.clear();
}

void TextWriter::Frames(const std::vector<FrameView>& frames,
                        const std::string& indent,
                        const absl::flat_hash_set<uint64_t>& without_locals) {
  const FrameView* previous = nullptr;
  size_t repetitions = 0;
  const auto end_run = [&] {
    if (repetitions > kShownRepetitions) {
      const size_t more = repetitions - kShownRepetitions;
      Line(absl::StrCat(indent, style_(Color::kDim, absl::StrCat("  [Previous line repeated ", more, " more time",
                                                                 more == 1 ? "" : "s", "]"))));
    }
  };
  for (const FrameView& view : frames) {
    const bool same = previous != nullptr && IsSamePlace(*previous, view);
    if (!same) {
      end_run();
      repetitions = 0;
    }
    previous = &view;
    if (++repetitions <= kShownRepetitions) {
      Frame(view, indent, view.frame == nullptr || !without_locals.contains(view.frame->address()));
    }
  }
  end_run();
}

void TextWriter::NativeFrame(const FrameView& view, const std::string& indent) {
  const proto::NativeFrame& native = *view.native;
  if (native.omitted() != 0) {
    Line(absl::StrCat(indent, style_(Color::kDim, absl::StrCat("  [", native.omitted(), " native frame",
                                                               native.omitted() == 1 ? "" : "s", " left out]"))));
  }
  const std::string_view library = snapshot_.string(native.module());
  std::string text = "  Native ";
  if (!view.file.empty()) {
    absl::StrAppend(&text, "\"", Str(view.file), "\", line ", view.line == 0 ? "?" : absl::StrCat(view.line));
  } else if (!library.empty()) {
    absl::StrAppend(&text, "\"", Str(library), "\"+", AddressText(native.module_address()));
  } else {
    absl::StrAppend(&text, "code at ", AddressText(native.pc()));
  }
  absl::StrAppend(&text, ", in ", view.function.empty() ? "<unknown>" : Str(view.function));
  if (native.inlined()) text += " (inlined)";
  if (native.signal_trampoline()) text += " (a signal was delivered here)";
  Line(absl::StrCat(indent, style_(Color::kDim, text)));
}

void TextWriter::Frame(const FrameView& view, const std::string& indent, bool locals) {
  if (view.native != nullptr) return NativeFrame(view, indent);
  const std::string file = view.file.empty() ? "<unknown>" : Str(view.file);
  const std::string line = view.line == 0 ? "?" : absl::StrCat(view.line);
  const std::string_view function = view.qualname.empty() ? "<unknown>" : view.qualname;
  Line(absl::StrCat(indent, "  File ", style_(Color::kFile, "\"" + file + "\""), ", line ", style_(Color::kFile, line),
                    ", in ", style_(Color::kName, function)));
  if (const auto source = snapshot_.SourceLine(view.file, view.line)) {
    const std::string_view stripped = Strip(*source);
    if (!stripped.empty()) {
      Line(absl::StrCat(indent, "    ", Harmless(stripped, true)));
      const std::string carets = Carets(*source, stripped, view);
      const size_t first = carets.find('^');
      if (first != std::string::npos) {
        Line(absl::StrCat(indent, "    ", carets.substr(0, first), style_(Color::kCaret, carets.substr(first))));
      }
    }
  }
  if (view.frame == nullptr) return;
  if (view.frame->has_absent()) {
    Line(absl::StrCat(indent, "      ", style_(Color::kWarning, "not read: " + AbsentText(view.frame->absent()))));
  }
  if (!options_.locals || !locals) return;
  Locals(*view.frame, indent + "      ");
  // What was not asked for is no news.
  if (view.frame->has_context_absent() && view.frame->context_absent().reason() != proto::Absent::NOT_FOLLOWED) {
    Line(absl::StrCat(indent, "      ",
                      style_(Color::kWarning, "with blocks not read: " + AbsentText(view.frame->context_absent()))));
  }
  Contexts(ContextsOf(snapshot_, *view.frame), indent + "      ");
}

void TextWriter::Locals(const proto::Frame& frame, const std::string& indent) {
  const bool is_namespace = frame.namespace_() != 0;
  std::vector<std::string_view> hidden;
  std::vector<std::string_view> modules;
  std::vector<std::string_view> functions;
  std::vector<std::string_view> classes;
  for (const NamedValue& local : LocalsOf(snapshot_, frame)) {
    const proto::Object* object = snapshot_.object(local.id);
    // A module's own names would bury its variables.
    if (is_namespace && object != nullptr) {
      if (local.name.size() > 4 && local.name.substr(0, 2) == "__" &&
          local.name.substr(local.name.size() - 2) == "__") {
        hidden.push_back(local.name);
        continue;
      }
      if (object->has_module() || object->has_function() || object->has_type_value()) {
        (object->has_module() ? modules : object->has_function() ? functions : classes).push_back(local.name);
        continue;
      }
      if (object->has_absent() && object->absent().reason() == proto::Absent::NOT_FOLLOWED) {
        hidden.push_back(local.name);
        continue;
      }
    }
    Named(indent, local.name, local.id);
  }
  NameList(indent, "modules", modules);
  NameList(indent, "functions", functions);
  NameList(indent, "classes", classes);
  if (!hidden.empty()) {
    Line(absl::StrCat(indent, style_(Color::kDim, absl::StrCat("and ", hidden.size(), " more name",
                                                               hidden.size() == 1 ? "" : "s", " (see --json)"))));
  }
  const proto::Object* names = snapshot_.object(frame.namespace_());
  if (names != nullptr && names->mapping().omitted() != 0) {
    Line(absl::StrCat(indent, style_(Color::kDim, absl::StrCat("and ", names->mapping().omitted(),
                                                               " names that no captured code uses"))));
  }
}

// Recursion is bounded by kMaxContextDepth.
void TextWriter::Contexts(const std::vector<ContextView>& contexts, const std::string& indent, int depth) {
  if (depth == 0) opened_.clear();
  for (const ContextView& context : contexts) {
    std::string line = indent;
    if (context.description.empty()) {
      absl::StrAppend(&line, style_(Color::kDim, context.is_async ? "async with " : "with "),
                      ValueText(context.object));
      if (!context.target.empty()) {
        absl::StrAppend(&line, style_(Color::kDim, " as "), style_(Color::kLocal, context.target));
      }
    } else {
      line += Harmless(context.description);
    }
    std::string facts = context.line != 0 ? absl::StrCat(", line ", context.line) : std::string();
    if (context.is_exiting) facts += ", leaving";
    if (context.is_entering) facts += ", entering";
    Line(line + style_(Color::kDim, facts));
    // Once: managers may be within each other, and a file may say that many are within many.
    if (depth >= kMaxContextDepth || !opened_.insert(context.object).second) continue;
    for (const FrameView& inner : InnerFrames(snapshot_, context.object)) {
      Line(absl::StrCat(indent, "    ", style_(Color::kDim, "in "), style_(Color::kName, inner.qualname), ", ",
                        style_(Color::kFile, absl::StrCat("\"", Str(inner.file), "\"")), ", line ",
                        inner.line == 0 ? "?" : absl::StrCat(inner.line)));
      Contexts(ContextsOf(snapshot_, *inner.frame), indent + "        ", depth + 1);
    }
    Contexts(EntriesOf(snapshot_, context.object, context.target), indent + "    ", depth + 1);
  }
}

std::string TextWriter::FirstNames(const std::vector<std::string_view>& names) {
  constexpr size_t kFirst = 12;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kFirst); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", Str(names[i]));
  }
  if (names.size() > kFirst) absl::StrAppend(&text, ", and ", names.size() - kFirst, " more");
  return text;
}

void TextWriter::NameList(const std::string& indent, const char* what, const std::vector<std::string_view>& names) {
  if (names.empty()) return;
  Line(absl::StrCat(indent, style_(Color::kDim, absl::StrCat(what, ": ", FirstNames(names)))));
}

std::string TextWriter::ValueText(uint32_t id, bool as_builtin) {
  const ReprText repr = Repr(snapshot_, id, {.max_characters = options_.max_repr, .as_builtin = as_builtin});
  const proto::Object* object = snapshot_.object(id);
  std::string text = Harmless(repr.text);
  if (repr.truncated) {
    const std::string length = object == nullptr ? "" : LengthText(*object);
    text += "… " + style_(Color::kDim, length.empty() ? "(cut)" : absl::StrCat("(", length, ")"));
  }
  if (object == nullptr || (object->has_absent() && object->value_case() == proto::Object::VALUE_NOT_SET &&
                            object->absent().reason() != proto::Absent::UNSUPPORTED)) {
    return style_(Color::kWarning, text);
  }
  return text;
}

void TextWriter::Named(const std::string& indent, std::string_view name, uint32_t id) {
  const proto::Object* object = snapshot_.object(id);
  std::string line = absl::StrCat(indent, style_(Color::kLocal, name), " = ", ValueText(id));
  if (object == nullptr) return Line(line);
  const bool contents = HasHiddenContents(snapshot_, *object);
  std::vector<NamedValue> attributes;
  // Those of standard classes (every Thread, Event and Queue) would bury the program's own.
  if (IsUserInstance(snapshot_, *object) && !object->has_function() && !object->has_type_value()) {
    attributes = AttributesOf(snapshot_, *object);
  }
  // A running one stands in some thread's stack.
  const bool suspended = object->has_generator() && object->generator().has_frame() &&
                         object->generator().state() != proto::Generator::RUNNING;
  const bool more = contents || !attributes.empty() || suspended;
  if (more && !explained_.insert(id).second) {
    return Line(absl::StrCat(line, " ", style_(Color::kDim, "(shown above)")));
  }
  Line(line);
  const std::string inner = indent + "    ";
  if (contents) Line(absl::StrCat(inner, style_(Color::kDim, "holds "), ValueText(id, true)));
  for (size_t i = 0; i < std::min(attributes.size(), kMaxAttributes); ++i) {
    Line(absl::StrCat(inner, style_(Color::kLocal, absl::StrCat(".", Str(attributes[i].name))), " = ",
                      ValueText(attributes[i].id)));
  }
  if (attributes.size() > kMaxAttributes) {
    Line(absl::StrCat(inner, style_(Color::kDim, absl::StrCat("and ", attributes.size() - kMaxAttributes,
                                                              " more attributes (see --json)"))));
  }
  if (suspended) Suspended(id, inner);
}

void TextWriter::Suspended(uint32_t id, const std::string& indent) {
  constexpr size_t kMaxFrames = 20;
  uint32_t leaf = 0;
  const std::vector<FrameView> frames = AwaitChain(snapshot_, id, &leaf);
  const bool created = snapshot_.object(id)->generator().state() == proto::Generator::CREATED;
  for (size_t i = 0; i < std::min(frames.size(), kMaxFrames); ++i) {
    Line(absl::StrCat(indent,
                      style_(Color::kDim, i != 0    ? "awaits "
                                          : created ? "not started: "
                                                    : "suspended in "),
                      style_(Color::kName, frames[i].qualname), ", ",
                      style_(Color::kFile, absl::StrCat("\"", Str(frames[i].file), "\"")), ", line ",
                      frames[i].line == 0 ? "?" : absl::StrCat(frames[i].line)));
    Contexts(ContextsOf(snapshot_, *frames[i].frame), indent + "    ");
  }
  if (frames.size() > kMaxFrames) Line(absl::StrCat(indent, "and ", frames.size() - kMaxFrames, " more frames"));
  if (leaf != 0) Line(absl::StrCat(indent, style_(Color::kDim, "awaits "), ValueText(leaf)));
}

void TextWriter::ExceptionChain(uint32_t id,
                                const std::string& indent,
                                const absl::flat_hash_set<uint64_t>& without_locals) {
  ExceptionContext context{.indent = indent, .without_locals = without_locals};
  ExceptionChain(id, &context);
}

void TextWriter::ExceptionChain(uint32_t id, ExceptionContext* context) {
  struct Link {
    uint32_t id;
    Predecessor predecessor;
  };
  std::vector<Link> links;
  while (id != 0 && context->seen.insert(id).second) {
    links.push_back({id, PredecessorOf(snapshot_, id)});
    id = links.back().predecessor.id;
  }
  for (size_t i = links.size(); i-- > 0;) {
    OneException(links[i].id, context);
    if (i == 0) break;
    const std::string margin = context->Margin();
    Line(Strip(margin).empty() ? "" : margin);
    Line(absl::StrCat(margin, links[i - 1].predecessor.is_cause ? kCauseMessage : kContextMessage));
    Line(Strip(margin).empty() ? "" : margin);
  }
}

void TextWriter::OneException(uint32_t id, ExceptionContext* context) {
  const proto::Exception* exception = ExceptionOf(snapshot_, id);
  const std::vector<uint32_t> members = GroupMembers(snapshot_, id);
  const bool is_outer_group = !members.empty() && context->depth == 0;
  if (is_outer_group) ++context->depth;
  const std::string margin = context->Margin();
  if (exception != nullptr) {
    const std::vector<FrameView> frames = TracebackFrames(snapshot_, exception->traceback());
    if (!frames.empty()) {
      Line(absl::StrCat(is_outer_group ? context->Indent() + "+ " : margin, members.empty() ? "" : "Exception Group ",
                        "Traceback (most recent call last):"));
      Frames(frames, margin, context->without_locals);
    }
  }
  ExceptionText(id, margin);
  if (options_.locals) ExceptionAttributes(id, margin + "    ");
  if (!members.empty()) Group(members, context);
  if (is_outer_group) --context->depth;
}

void TextWriter::ExceptionText(uint32_t id, const std::string& margin) {
  bool first = true;
  for (const std::string& text : ExceptionLines(snapshot_, id, options_.max_repr)) {
    // Notes, and some messages, have several lines.
    for (std::string_view rest = text; first || !rest.empty(); first = false) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const size_t name = first ? std::min(line.find(": "), line.size()) : 0;
      Line(absl::StrCat(margin, style_(Color::kException, line.substr(0, name)), Harmless(line.substr(name), true)));
    }
  }
}

void TextWriter::ExceptionAttributes(uint32_t id, const std::string& indent) {
  const proto::Object* object = snapshot_.object(id);
  if (object == nullptr || !IsUserInstance(snapshot_, *object)) return;
  for (const NamedValue& attribute : AttributesOf(snapshot_, *object)) {
    if (attribute.name == "__notes__") continue;
    Line(absl::StrCat(indent, style_(Color::kLocal, absl::StrCat(".", Str(attribute.name))), " = ",
                      ValueText(attribute.id)));
  }
}

void TextWriter::Group(const std::vector<uint32_t>& members, ExceptionContext* context) {
  if (context->depth > kMaxGroupDepth) {
    Line(absl::StrCat(context->Margin(), "... (max_group_depth is ", kMaxGroupDepth, ")"));
    return;
  }
  context->need_close = false;
  const size_t shown = std::min(members.size(), kMaxGroupMembers);
  const size_t parts = shown + (members.size() > shown ? 1 : 0);
  for (size_t i = 0; i < parts; ++i) {
    const bool last = i + 1 == parts;
    if (last) context->need_close = true;
    Line(absl::StrCat(context->Indent(), i == 0 ? "+-" : "  ", "+---------------- ",
                      i < shown ? absl::StrCat(i + 1) : std::string("..."), " ----------------"));
    ++context->depth;
    if (i < shown) {
      ExceptionChain(members[i], context);
    } else {
      const size_t more = members.size() - shown;
      Line(absl::StrCat(context->Margin(), "and ", more, " more exception", more == 1 ? "" : "s"));
    }
    // The last member, when it is a group itself, has closed the frame already.
    if (last && context->need_close) {
      Line(absl::StrCat(context->Indent(), "+------------------------------------"));
      context->need_close = false;
    }
    --context->depth;
  }
}

}  // namespace pysnap::format
