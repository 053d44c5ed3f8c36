#include "snapshotter/format/loop_view.h"

#include <algorithm>

#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/object_facts.h"

namespace pysnap::format {
namespace {

HandleView ViewHandle(const LoadedSnapshot& snapshot, uint32_t id) {
  HandleView view;
  view.object = id;
  const proto::Object* handle = snapshot.object(id);
  if (handle == nullptr) return view;
  view.callback = FindAttribute(snapshot, *handle, "_callback");
  const proto::Object* arguments = snapshot.object(FindAttribute(snapshot, *handle, "_args"));
  if (arguments != nullptr) {
    view.arguments.assign(arguments->sequence().item().begin(), arguments->sequence().item().end());
  }
  const proto::Object* when = snapshot.object(FindAttribute(snapshot, *handle, "_when"));
  if (when != nullptr && when->has_float_value()) view.when = when->float_value();
  const proto::Object* cancelled = snapshot.object(FindAttribute(snapshot, *handle, "_cancelled"));
  view.is_cancelled = cancelled != nullptr && cancelled->bool_value();
  return view;
}

std::vector<HandleView> ViewHandles(const LoadedSnapshot& snapshot, const proto::Object& loop, const char* name) {
  std::vector<HandleView> views;
  const proto::Object* handles = snapshot.object(FindAttribute(snapshot, loop, name));
  if (handles == nullptr) return views;
  for (const uint32_t id : handles->sequence().item()) views.push_back(ViewHandle(snapshot, id));
  return views;
}

// The loop that a thread runs; 0: none.
uint32_t RunningLoop(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  for (const proto::Frame& frame : thread.frame()) {
    const FrameView view = ViewFrame(snapshot, frame);
    if (view.module != "asyncio.base_events" || view.function != "run_forever") continue;
    return FindLocal(snapshot, frame, "self");
  }
  return 0;
}

}  // namespace

std::vector<LoopView> ViewLoops(const LoadedSnapshot& snapshot) {
  std::vector<LoopView> views;
  const auto add = [&](uint32_t id, int64_t native_id) {
    if (id == 0) return;
    const auto known =
        std::find_if(views.begin(), views.end(), [id](const LoopView& each) { return each.object == id; });
    if (known != views.end()) return;
    LoopView& view = views.emplace_back();
    view.object = id;
    view.native_id = native_id;
    const proto::Object* loop = snapshot.object(id);
    if (loop == nullptr) {
      view.unknown = "the loop is not in the snapshot";
      return;
    }
    // Lib/asyncio/base_events.py: BaseEventLoop.
    if (FindAttribute(snapshot, *loop, "_ready") == 0 && FindAttribute(snapshot, *loop, "_scheduled") == 0) {
      const bool cut = loop->has_absent() && loop->absent().reason() != proto::Absent::UNSUPPORTED;
      view.unknown = cut ? AbsentText(loop->absent()) : "unsupported: this loop is not one of Python's own";
    }
    view.ready = ViewHandles(snapshot, *loop, "_ready");
    view.scheduled = ViewHandles(snapshot, *loop, "_scheduled");
    // It is a heap.
    std::stable_sort(view.scheduled.begin(), view.scheduled.end(),
                     [](const HandleView& a, const HandleView& b) { return a.when < b.when; });
  };
  for (const proto::Thread* thread : snapshot.threads()) add(RunningLoop(snapshot, *thread), thread->native_id());
  for (const proto::Task* task : snapshot.tasks()) {
    if (task->library() == proto::Task::ASYNCIO) add(task->loop(), task->native_id());
  }
  return views;
}

}  // namespace pysnap::format
