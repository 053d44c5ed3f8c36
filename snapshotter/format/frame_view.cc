#include "snapshotter/format/frame_view.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/position_table.h"
#include "snapshotter/format/python_rules.h"

namespace pysnap::format {
namespace {

// The columns of a traceback's entry, where its code has them.
void AddColumns(const LoadedSnapshot& snapshot, const proto::Traceback& entry, FrameView* view) {
  if (view->code == nullptr || entry.lasti() < 0) return;
  if (!RulesFor(snapshot.header().process().python().minor()).position_table) return;
  const auto position = FindPosition(view->code->line_table(), static_cast<uint32_t>(view->code->first_line()),
                                     static_cast<uint32_t>(entry.lasti()));
  if (!position.has_value() || position->line != entry.line()) return;
  view->end_line = position->end_line;
  view->column = position->column;
  view->end_column = position->end_column;
}

}  // namespace

FrameView ViewFrame(const LoadedSnapshot& snapshot, const proto::Frame& frame) {
  FrameView view;
  view.frame = &frame;
  const proto::Object* code = snapshot.object(frame.code());
  if (code != nullptr && code->has_code()) {
    view.code = &code->code();
    view.file = snapshot.string(view.code->filename());
    view.function = snapshot.string(view.code->name());
    view.qualname = snapshot.string(view.code->qualname());
    if (view.qualname.empty()) view.qualname = view.function;
  }
  view.module = frame.module() != 0 ? std::optional(snapshot.string(frame.module()))
                                    : StrOf(snapshot, FindKey(snapshot, frame.globals(), "__name__"));
  view.line = frame.line();
  view.end_line = frame.end_line();
  if (frame.column_plus_1() != 0) view.column = frame.column_plus_1() - 1;
  if (frame.end_column_plus_1() != 0) view.end_column = frame.end_column_plus_1() - 1;
  view.lasti = frame.lasti();
  return view;
}

std::vector<NamedValue> LocalsOf(const LoadedSnapshot& snapshot, const proto::Frame& frame) {
  std::vector<NamedValue> locals;
  absl::flat_hash_set<std::string_view> seen;
  for (const proto::Local& local : frame.local()) {
    if (local.value() == 0) continue;
    const std::string_view name = snapshot.string(local.name());
    // A celled argument has two slots before 3.11; the bound one counts.
    if (seen.insert(name).second) locals.push_back({name, local.value()});
  }
  const proto::Object* names = snapshot.object(frame.namespace_());
  if (names == nullptr || !names->has_mapping()) return locals;
  const proto::Mapping& mapping = names->mapping();
  for (int i = 0; i < std::min(mapping.key_size(), mapping.value_size()); ++i) {
    const auto name = StrOf(snapshot, mapping.key(i));
    if (name.has_value() && seen.insert(*name).second) locals.push_back({*name, mapping.value(i)});
  }
  return locals;
}

uint32_t FindLocal(const LoadedSnapshot& snapshot, const proto::Frame& frame, std::string_view name) {
  for (const NamedValue& local : LocalsOf(snapshot, frame)) {
    if (local.name == name) return local.id;
  }
  return 0;
}

std::vector<FrameView> ThreadFrames(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  std::vector<FrameView> frames;
  for (const proto::Frame& frame : thread.frame()) frames.push_back(ViewFrame(snapshot, frame));
  std::reverse(frames.begin(), frames.end());
  return frames;
}

namespace {

FrameView ViewNativeFrame(const LoadedSnapshot& snapshot, const proto::NativeFrame& frame) {
  FrameView view;
  view.native = &frame;
  view.function = snapshot.string(frame.function());
  view.file = snapshot.string(frame.file());
  view.line = frame.line();
  return view;
}

}  // namespace

std::vector<FrameView> NativeFrames(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  std::vector<FrameView> frames;
  for (const proto::NativeFrame& frame : thread.native_frame()) frames.push_back(ViewNativeFrame(snapshot, frame));
  std::reverse(frames.begin(), frames.end());
  return frames;
}

std::vector<FrameView> MergedFrames(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  if (!thread.native_merged() || thread.native_frame().empty()) return ThreadFrames(snapshot, thread);
  std::vector<FrameView> frames;
  // Each Python frame comes once, in its order, whatever the file says of places.
  int left = thread.frame_size();
  const auto add_down_to = [&](int64_t index) {
    while (left > 0 && left > index) frames.push_back(ViewFrame(snapshot, thread.frame(--left)));
  };
  for (int i = thread.native_frame_size() - 1; i >= 0; --i) {
    const proto::NativeFrame& native = thread.native_frame(i);
    if (native.python_count() == 0) {
      frames.push_back(ViewNativeFrame(snapshot, native));
    } else {
      add_down_to(native.python_first());
    }
  }
  add_down_to(0);
  return frames;
}

std::vector<FrameView> TracebackFrames(const LoadedSnapshot& snapshot, uint32_t traceback) {
  std::vector<FrameView> frames;
  absl::flat_hash_set<uint32_t> seen;
  while (seen.insert(traceback).second) {
    const proto::Object* object = snapshot.object(traceback);
    if (object == nullptr || !object->has_traceback()) break;
    const proto::Traceback& entry = object->traceback();
    const proto::Object* frame = snapshot.object(entry.frame());
    FrameView view = frame != nullptr && frame->has_frame() ? ViewFrame(snapshot, frame->frame()) : FrameView{};
    if (view.lasti != entry.lasti()) {
      // The frame has gone on since; its columns are those of another instruction.
      view.column.reset();
      view.end_column.reset();
      view.end_line = 0;
      view.lasti = entry.lasti();
      AddColumns(snapshot, entry, &view);
    }
    view.line = entry.line();
    frames.push_back(view);
    traceback = entry.next();
  }
  return frames;
}

namespace {

// What an awaitable of C hands what it is sent on to: object id, 0 for anything else.
uint32_t Passed(const LoadedSnapshot& snapshot, const proto::Object& object) {
  if (!object.has_parts()) return 0;
  const proto::Type* type = TypeOf(snapshot, object);
  const PartsOf parts(snapshot, object);
  if (IsType(snapshot, type, "builtins", "coroutine_wrapper")) return parts.Id("coroutine");
  if (IsType(snapshot, type, "builtins", "async_generator_asend") ||
      IsType(snapshot, type, "builtins", "async_generator_athrow")) {
    return parts.Id("generator");
  }
  if (IsType(snapshot, type, "builtins", "anext_awaitable")) return parts.Id("awaitable");
  if (IsType(snapshot, type, "_asyncio", "FutureIter")) return parts.Id("future");
  return 0;
}

}  // namespace

std::vector<FrameView> AwaitChain(const LoadedSnapshot& snapshot, uint32_t generator, uint32_t* leaf) {
  std::vector<FrameView> frames;
  absl::flat_hash_set<uint32_t> seen;
  uint32_t last = 0;
  while (generator != 0 && seen.insert(generator).second) {
    const proto::Object* object = snapshot.object(generator);
    if (object == nullptr || !object->has_generator()) {
      last = generator;
      if (object != nullptr) generator = Passed(snapshot, *object);
      if (object == nullptr || generator == 0) break;
      continue;
    }
    last = 0;
    if (object->generator().has_frame()) frames.push_back(ViewFrame(snapshot, object->generator().frame()));
    generator = object->generator().awaiting();
  }
  if (leaf != nullptr) *leaf = last;
  return frames;
}

}  // namespace pysnap::format
