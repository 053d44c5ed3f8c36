#include "snapshotter/format/exception_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

using proto::Object;

// The classes of the exception's type, most derived first.
std::vector<const proto::Type*> Ancestry(const LoadedSnapshot& snapshot, const Object& object) {
  std::vector<const proto::Type*> ancestry;
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr) return ancestry;
  for (uint32_t id : type->mro()) {
    const Object* ancestor = snapshot.object(id);
    if (ancestor != nullptr && ancestor->has_type_value()) ancestry.push_back(&ancestor->type_value());
  }
  if (ancestry.empty()) ancestry.push_back(type);
  return ancestry;
}

bool IsNone(const Object* object) {
  return object == nullptr || (object->has_singleton() && object->singleton() == proto::NONE);
}

std::string ReprOrStr(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters) {
  if (const auto text = StrOf(snapshot, id)) {
    std::string_view rest = *text;
    size_t count = 0;
    while (!rest.empty() && (max_characters == 0 || count < max_characters)) {
      rest.remove_prefix(DecodeCharacter(rest).size);
      ++count;
    }
    return std::string(text->substr(0, text->size() - rest.size())) + (rest.empty() ? "" : "...");
  }
  const ReprText repr = Repr(snapshot, id, {.max_characters = max_characters});
  return repr.truncated ? repr.text + "..." : repr.text;
}

// The object id of a field of a C-level exception struct; 0 when it is not there or None.
uint32_t Field(const LoadedSnapshot& snapshot, const Object& object, std::string_view name) {
  for (const proto::Attribute& field : object.exception().field()) {
    if (snapshot.string(field.name()) == name) return IsNone(snapshot.object(field.value())) ? 0 : field.value();
  }
  return 0;
}

}  // namespace

const proto::Exception* ExceptionOf(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* object = snapshot.object(id);
  return object != nullptr && object->has_exception() ? &object->exception() : nullptr;
}

std::string ExceptionTypeName(const LoadedSnapshot& snapshot, uint32_t id) {
  const Object* object = snapshot.object(id);
  const proto::Type* type = object == nullptr ? nullptr : TypeOf(snapshot, *object);
  if (type == nullptr) return "<unknown exception>";
  if (snapshot.string(type->module()) == "__main__") return std::string(snapshot.string(type->qualname()));
  return TypeName(snapshot, *type);
}

std::optional<std::string> ExceptionMessage(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters) {
  const Object* object = snapshot.object(id);
  if (object == nullptr || !object->has_exception()) return std::nullopt;
  const proto::Exception& exception = object->exception();
  const Object* args = snapshot.object(exception.args());
  if (args == nullptr || !args->has_sequence()) return std::nullopt;
  const auto& items = args->sequence();
  const auto text = [&](uint32_t value) { return ReprOrStr(snapshot, value, max_characters); };
  const auto repr = [&](uint32_t value) { return Repr(snapshot, value, {.max_characters = max_characters}).text; };

  // The nearest class with a __str__ of its own decides (Objects/exceptions.c).
  for (const proto::Type* type : Ancestry(snapshot, *object)) {
    const std::string_view name = snapshot.string(type->name());
    if (snapshot.string(type->module()) != "builtins") {
      if (FindKey(snapshot, type->dict(), "__str__") != 0) return std::nullopt;
      continue;
    }
    if (name == "KeyError" && items.item_size() == 1) return repr(items.item(0));
    if (name == "OSError") {
      const uint32_t number = Field(snapshot, *object, "errno");
      const uint32_t strerror = Field(snapshot, *object, "strerror");
      const uint32_t filename = Field(snapshot, *object, "filename");
      const uint32_t filename2 = Field(snapshot, *object, "filename2");
      if (filename != 0) {
        const std::string head = absl::StrCat("[Errno ", text(number), "] ", text(strerror), ": ", repr(filename));
        return filename2 != 0 ? absl::StrCat(head, " -> ", repr(filename2)) : head;
      }
      if (number != 0 && strerror != 0) return absl::StrCat("[Errno ", text(number), "] ", text(strerror));
      break;
    }
    if (name == "ImportError") {
      const uint32_t message = Field(snapshot, *object, "msg");
      if (message != 0 && StrOf(snapshot, message).has_value()) return text(message);
      break;
    }
    if (name == "SyntaxError") {
      const uint32_t message = Field(snapshot, *object, "msg");
      return message == 0 ? "None" : text(message);
    }
    if (name == "BaseExceptionGroup") {
      const size_t count = GroupMembers(snapshot, id).size();
      return absl::StrCat(text(exception.message()), " (", count, " sub-exception", count == 1 ? "" : "s", ")");
    }
    if (name == "UnicodeEncodeError" || name == "UnicodeDecodeError" || name == "UnicodeTranslateError") {
      return std::nullopt;  // composed of the object and the position; the arguments tell the same
    }
  }
  if (items.item_size() == 0) return "";
  if (items.item_size() == 1) return text(items.item(0));
  return repr(exception.args());
}

std::vector<std::string> ExceptionNotes(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters) {
  std::vector<std::string> notes;
  const proto::Exception* exception = ExceptionOf(snapshot, id);
  if (exception == nullptr) return notes;
  // add_note() keeps them in the exception's __dict__.
  const uint32_t id_of_notes =
      exception->notes() != 0 ? exception->notes() : FindAttribute(snapshot, *snapshot.object(id), "__notes__");
  const Object* object = snapshot.object(id_of_notes);
  if (IsNone(object)) return notes;
  if (!object->has_sequence()) {
    notes.push_back(Repr(snapshot, id_of_notes, {.max_characters = max_characters}).text);
    return notes;
  }
  for (uint32_t note : object->sequence().item()) notes.push_back(ReprOrStr(snapshot, note, max_characters));
  return notes;
}

std::vector<uint32_t> GroupMembers(const LoadedSnapshot& snapshot, uint32_t id) {
  const proto::Exception* exception = ExceptionOf(snapshot, id);
  if (exception == nullptr) return {};
  const Object* members = snapshot.object(exception->exceptions());
  if (members == nullptr || !members->has_sequence()) return {};
  return {members->sequence().item().begin(), members->sequence().item().end()};
}

Predecessor PredecessorOf(const LoadedSnapshot& snapshot, uint32_t id) {
  const proto::Exception* exception = ExceptionOf(snapshot, id);
  if (exception == nullptr) return {};
  if (exception->cause() != 0 && !IsNone(snapshot.object(exception->cause()))) return {exception->cause(), true};
  if (!exception->suppress_context() && !IsNone(snapshot.object(exception->context()))) {
    return {exception->context(), false};
  }
  return {};
}

std::vector<std::string> ExceptionLines(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters) {
  std::vector<std::string> lines;
  const Object* object = snapshot.object(id);
  const std::string type = ExceptionTypeName(snapshot, id);
  if (object == nullptr || !object->has_exception()) {
    lines.push_back(object != nullptr && object->has_absent()
                        ? absl::StrCat(type, ": <", AbsentText(object->absent()), ">")
                        : type);
    return lines;
  }
  const auto message = ExceptionMessage(snapshot, id, max_characters);
  if (!message.has_value()) {
    // Not str(), which only the class knows, but all that it can say.
    lines.push_back(absl::StrCat(type, " with arguments ",
                                 Repr(snapshot, object->exception().args(), {.max_characters = max_characters}).text));
  } else {
    lines.push_back(message->empty() ? type : absl::StrCat(type, ": ", *message));
  }
  for (std::string& note : ExceptionNotes(snapshot, id, max_characters)) lines.push_back(std::move(note));
  return lines;
}

}  // namespace pysnap::format
