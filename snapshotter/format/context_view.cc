#include "snapshotter/format/context_view.h"

#include "absl/strings/str_cat.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/repr.h"

namespace pysnap::format {
namespace {

constexpr char kModule[] = "contextlib";
// Of one argument in the description of a call.
constexpr size_t kMaxRepr = 200;

std::string ReprText(const LoadedSnapshot& snapshot, uint32_t id) {
  return Repr(snapshot, id, {.max_characters = kMaxRepr}).text;
}

// What a function is called, or the repr() of anything else.
std::string CallableText(const LoadedSnapshot& snapshot, uint32_t id) {
  const proto::Object* object = snapshot.object(id);
  if (object != nullptr && object->has_function()) {
    if (const auto name = StrOf(snapshot, object->function().qualname())) return std::string(*name);
  }
  if (object != nullptr && object->has_method()) {
    const proto::Object* function = snapshot.object(object->method().function());
    const auto name = function != nullptr ? StrOf(snapshot, function->function().name()) : std::nullopt;
    if (name.has_value()) return absl::StrCat(ReprText(snapshot, object->method().self()), ".", std::string(*name));
  }
  return ReprText(snapshot, id);
}

std::string_view FunctionName(const LoadedSnapshot& snapshot, uint32_t id) {
  const proto::Object* object = snapshot.object(id);
  if (object == nullptr) return {};
  if (object->has_builtin_function()) return snapshot.string(object->builtin_function().name());
  return StrOf(snapshot, object->function().name()).value_or(std::string_view());
}

// What the closure of a function has under the name of a free variable: object id, 0 when there is none.
uint32_t Captured(const LoadedSnapshot& snapshot, const proto::Function& function, std::string_view name) {
  const proto::Object* code = snapshot.object(function.code());
  const proto::Object* closure = snapshot.object(function.closure());
  if (code == nullptr || closure == nullptr || !code->has_code()) return 0;
  constexpr uint8_t kFree = 0x80;
  int cell = 0;
  const proto::Code& variables = code->code();
  for (int i = 0; i < variables.variable_size() && i < static_cast<int>(variables.variable_kind().size()); ++i) {
    if ((static_cast<uint8_t>(variables.variable_kind()[static_cast<size_t>(i)]) & kFree) == 0) continue;
    if (snapshot.string(variables.variable(i)) != name) {
      ++cell;
      continue;
    }
    if (cell >= closure->sequence().item_size()) return 0;
    const proto::Object* found = snapshot.object(closure->sequence().item(cell));
    return found == nullptr ? 0 : found->cell().contents();
  }
  return 0;
}

// Of ExitStack.callback() and AsyncExitStack.push_async_callback(): the function that calls what was passed.
std::string CallbackText(const LoadedSnapshot& snapshot, const proto::Function& wrapper, uint32_t callback) {
  std::string text = CallableText(snapshot, callback);
  const proto::Object* args = snapshot.object(Captured(snapshot, wrapper, "args"));
  if (args != nullptr) {
    for (const uint32_t arg : args->sequence().item()) absl::StrAppend(&text, ", ", ReprText(snapshot, arg));
  }
  const proto::Object* kwds = snapshot.object(Captured(snapshot, wrapper, "kwds"));
  if (kwds != nullptr) {
    const proto::Mapping& mapping = kwds->mapping();
    for (int i = 0; i < mapping.key_size() && i < mapping.value_size(); ++i) {
      const auto key = StrOf(snapshot, mapping.key(i));
      absl::StrAppend(&text, ", ", key.has_value() ? std::string(*key) : ReprText(snapshot, mapping.key(i)), "=",
                      ReprText(snapshot, mapping.value(i)));
    }
  }
  return text;
}

ContextView EntryOf(const LoadedSnapshot& snapshot, uint32_t exit, bool is_async, std::string_view name) {
  ContextView view;
  view.is_async = is_async;
  view.object = exit;
  const std::string stack(name.empty() ? std::string_view("stack") : name);
  const proto::Object* object = snapshot.object(exit);
  if (object == nullptr) return view;
  const std::string_view special = is_async ? "__aexit__" : "__exit__";
  if (object->has_method() && FunctionName(snapshot, object->method().function()) == special) {
    view.object = object->method().self();
    view.description =
        absl::StrCat(is_async ? "await " : "", stack, ".", is_async ? "enter_async_context(" : "enter_context(",
                     ReprText(snapshot, view.object), ")");
    return view;
  }
  if (object->has_function()) {
    if (const uint32_t wrapped = FindAttribute(snapshot, *object, "__wrapped__"); wrapped != 0) {
      view.object = wrapped;
      view.description = absl::StrCat(stack, is_async ? ".push_async_callback(" : ".callback(",
                                      CallbackText(snapshot, object->function(), wrapped), ")");
      return view;
    }
  }
  view.description = absl::StrCat(stack, is_async ? ".push_async_exit(" : ".push(", CallableText(snapshot, exit), ")");
  return view;
}

}  // namespace

std::vector<ContextView> ContextsOf(const LoadedSnapshot& snapshot, const proto::Frame& frame) {
  std::vector<ContextView> views;
  for (const proto::Context& context : frame.context()) {
    ContextView& view = views.emplace_back();
    view.target = snapshot.string(context.target());
    view.line = context.line();
    view.is_async = context.is_async();
    view.is_exiting = context.is_exiting();
    view.is_entering = context.is_entering();
    view.object = context.manager();
  }
  return views;
}

std::vector<ContextView> EntriesOf(const LoadedSnapshot& snapshot, uint32_t object, std::string_view name) {
  std::vector<ContextView> views;
  const proto::Object* stack = snapshot.object(object);
  if (stack == nullptr || !IsInstance(snapshot, *stack, kModule, "_BaseExitStack")) return views;
  const proto::Object* callbacks = snapshot.object(FindAttribute(snapshot, *stack, "_exit_callbacks"));
  if (callbacks == nullptr) return views;
  for (const uint32_t pair : callbacks->sequence().item()) {
    const proto::Object* parts = snapshot.object(pair);
    if (parts == nullptr || parts->sequence().item_size() != 2) continue;
    const proto::Object* is_sync = snapshot.object(parts->sequence().item(0));
    const bool is_async = is_sync != nullptr && is_sync->has_bool_value() && !is_sync->bool_value();
    views.push_back(EntryOf(snapshot, parts->sequence().item(1), is_async, name));
  }
  return views;
}

std::vector<FrameView> InnerFrames(const LoadedSnapshot& snapshot, uint32_t object) {
  const proto::Object* manager = snapshot.object(object);
  if (manager == nullptr || !IsInstance(snapshot, *manager, kModule, "_GeneratorContextManagerBase")) return {};
  const uint32_t generator = FindAttribute(snapshot, *manager, "gen");
  const proto::Object* inner = snapshot.object(generator);
  // A running one stands in some thread's stack.
  if (inner == nullptr || inner->generator().state() == proto::Generator::RUNNING) return {};
  return AwaitChain(snapshot, generator);
}

}  // namespace pysnap::format
