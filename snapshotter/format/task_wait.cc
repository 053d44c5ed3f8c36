#include "snapshotter/format/task_wait.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

// Coroutine methods of Lib/asyncio that wait: where they are defined, their name, and the class that they are of.
struct Method {
  std::string_view module;
  std::string_view name;
  std::string_view of_class;
  const char* kind;
};
constexpr char kEvent[] = "event";
constexpr char kCondition[] = "condition";
constexpr Method kMethods[] = {
    {"asyncio.queues", "get", "Queue", "queue get"},
    {"asyncio.queues", "put", "Queue", "queue put"},
    {"asyncio.queues", "join", "Queue", "queue join"},
    {"asyncio.locks", "acquire", "Lock", "lock"},
    {"asyncio.locks", "wait", "Event", kEvent},
    {"asyncio.locks", "wait", "Condition", kCondition},
    {"asyncio.locks", "wait_for", "Condition", kCondition},
    {"asyncio.locks", "acquire", "Semaphore", "semaphore"},
    {"asyncio.locks", "_block", "Barrier", "barrier"},
    {"asyncio.locks", "_wait", "Barrier", "barrier"},
    {"asyncio.locks", "wait", "Barrier", "barrier"},
};
// How far out of the innermost frame such a method may be.
constexpr size_t kMaxFrames = 5;
// Names of tasks that are told.
constexpr size_t kMaxNames = 8;

const Method* FindMethod(const LoadedSnapshot& snapshot, const FrameView& view, uint32_t* self) {
  if (view.frame == nullptr) return nullptr;
  *self = FindLocal(snapshot, *view.frame, "self");
  const proto::Object* object = snapshot.object(*self);
  if (object == nullptr) return nullptr;
  for (const Method& method : kMethods) {
    if (view.function == method.name && view.module == method.module &&
        IsInstance(snapshot, *object, method.module, method.of_class)) {
      return &method;
    }
  }
  return nullptr;
}

// Others are made of these, and say more.
bool MaySayMore(const char* kind) { return std::strcmp(kind, kEvent) == 0 || std::strcmp(kind, kCondition) == 0; }

}  // namespace

std::optional<TaskWait> WaitOf(const LoadedSnapshot& snapshot, const TaskView& task) {
  const bool waits = task.task->library() == proto::Task::ASYNCIO && task.task->state() == proto::Task::PENDING &&
                     task.task->waiter() != 0;
  if (!waits) return std::nullopt;
  TaskWait wait;
  for (size_t i = 0; i < std::min(task.frames.size(), kMaxFrames); ++i) {
    uint32_t self = 0;
    const Method* method = FindMethod(snapshot, task.frames[task.frames.size() - 1 - i], &self);
    if (method == nullptr) break;
    wait = {method->kind, self};
    if (!MaySayMore(method->kind)) break;
  }
  if (wait.kind != nullptr) return wait;
  if (!task.awaits.empty()) return TaskWait{"tasks", 0};
  return TaskWait{"future", task.task->waiter()};
}

std::string DescribeWait(const LoadedSnapshot& snapshot,
                         const std::vector<TaskView>& tasks,
                         size_t task,
                         const TaskWait& wait,
                         size_t max_repr) {
  if (std::strcmp(wait.kind, "tasks") == 0) {
    std::string names;
    const std::vector<size_t>& awaits = tasks[task].awaits;
    for (size_t i = 0; i < std::min(awaits.size(), kMaxNames); ++i) {
      const std::string_view name = tasks[awaits[i]].name;
      absl::StrAppend(&names, i == 0 ? "task " : ", task ", name.empty() ? "without a name" : Harmless(name));
    }
    if (awaits.size() > kMaxNames) absl::StrAppend(&names, " and ", awaits.size() - kMaxNames, " more");
    return names;
  }
  const std::string object = Harmless(Repr(snapshot, wait.object, {.max_characters = max_repr}).text);
  if (std::strcmp(wait.kind, "queue get") == 0) return absl::StrCat("an item of the queue ", object);
  if (std::strcmp(wait.kind, "queue put") == 0) return absl::StrCat("room in the queue ", object);
  if (std::strcmp(wait.kind, "queue join") == 0) return absl::StrCat("the items of the queue ", object, " to be done");
  return absl::StrCat("the ", wait.kind, " ", object);
}

}  // namespace pysnap::format
