#include "snapshotter/format/task_view.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"

namespace pysnap::format {
namespace {

const char* StateText(proto::Task::State state) {
  switch (state) {
    case proto::Task::PENDING:
      return "pending";
    case proto::Task::RUNNING:
      return "running";
    case proto::Task::CANCELLED:
      return "cancelled";
    case proto::Task::FINISHED:
      return "finished";
    default:
      return nullptr;
  }
}

const char* RoleText(proto::Task::Role role) {
  switch (role) {
    case proto::Task::MAIN:
      return "main";
    case proto::Task::INIT:
      return "init";
    case proto::Task::SYSTEM:
      return "system";
    default:
      return nullptr;
  }
}

// The frames of the thread that runs it, from the one at `address` on. Where that thread is not known they are looked
// for in all.
std::vector<FrameView> RunningFrames(const LoadedSnapshot& snapshot, const proto::Task& task, uint64_t address) {
  for (const proto::Thread* thread : snapshot.threads()) {
    if (task.native_id() != 0 && thread->native_id() != task.native_id()) continue;
    if (thread->interpreter() != task.interpreter()) continue;
    std::vector<FrameView> frames = ThreadFrames(snapshot, *thread);
    const auto first = std::find_if(frames.begin(), frames.end(),
                                    [address](const FrameView& view) { return view.frame->address() == address; });
    if (first == frames.end()) continue;
    frames.erase(frames.begin(), first);
    return frames;
  }
  return {};
}

// What a finished task keeps under this name, in its C struct or as an attribute; 0 when that is None.
uint32_t Kept(const LoadedSnapshot& snapshot, const proto::Object& task, std::string_view name) {
  const uint32_t part = PartsOf(snapshot, task).Id(name);
  const uint32_t id = part != 0 ? part : FindAttribute(snapshot, task, name);
  const proto::Object* object = snapshot.object(id);
  return object == nullptr || (name == "_exception" && object->singleton() == proto::NONE) ? 0 : id;
}

// Puts each task below the one that it is a child of.
void AddChildren(std::vector<TaskView>& views, const absl::flat_hash_map<uint64_t, size_t>& places) {
  absl::flat_hash_map<std::pair<size_t, uint64_t>, size_t> scopes;  // by task and address
  for (size_t i = 0; i < views.size(); ++i) {
    for (size_t scope = 0; scope < views[i].scopes.size(); ++scope) {
      scopes.try_emplace({i, views[i].scopes[scope].scope->address()}, scope);
    }
  }
  for (size_t i = 0; i < views.size(); ++i) {
    const auto place = places.find(views[i].task->parent());
    if (views[i].task->parent() == 0 || place == places.end() || place->second == i) continue;
    TaskView& parent = views[place->second];
    views[i].parent = place->second;
    const auto scope = scopes.find({place->second, views[i].task->parent_scope()});
    (scope == scopes.end() ? parent.children : parent.scopes[scope->second].children).push_back(i);
  }
}

}  // namespace

bool TaskView::has_children() const {
  return !children.empty() ||
         std::any_of(scopes.begin(), scopes.end(), [](const ScopeView& scope) { return !scope.children.empty(); });
}

std::vector<TaskView> ViewTasks(const LoadedSnapshot& snapshot) {
  std::vector<TaskView> views;
  absl::flat_hash_map<uint64_t, size_t> places;
  for (const proto::Task* task : snapshot.tasks()) {
    places.try_emplace(task->address(), views.size());
    TaskView& view = views.emplace_back();
    view.task = task;
    view.name = snapshot.string(task->name());
    view.state = StateText(task->state());
    view.library = task->library() == proto::Task::TRIO ? "trio" : "asyncio";
    view.role = RoleText(task->role());
    const proto::Object* coroutine = snapshot.object(task->coroutine());
    if (coroutine != nullptr && coroutine->has_generator()) {
      const proto::Generator& generator = coroutine->generator();
      view.coroutine = StrOf(snapshot, generator.qualname()).value_or(std::string_view());
      if (generator.state() == proto::Generator::RUNNING) {
        view.frames = RunningFrames(snapshot, *task, generator.frame().address());
      } else {
        view.frames = AwaitChain(snapshot, task->coroutine(), &view.leaf);
      }
    }
    view.scopes = ViewScopes(snapshot, *task, view.frames);
    const proto::Object* object = snapshot.object(task->object());
    if (task->state() == proto::Task::FINISHED && object != nullptr) {
      view.exception = Kept(snapshot, *object, "_exception");
      if (view.exception == 0) view.result = Kept(snapshot, *object, "_result");
    }
  }
  for (size_t i = 0; i < views.size(); ++i) {
    for (const uint64_t waiter : views[i].task->awaited_by()) {
      const auto place = places.find(waiter);
      if (place == places.end()) continue;
      views[i].awaited_by.push_back(place->second);
      views[place->second].awaits.push_back(i);
    }
  }
  AddChildren(views, places);
  for (TaskView& view : views) std::sort(view.awaited_by.begin(), view.awaited_by.end());
  return views;
}

}  // namespace pysnap::format
