#include "snapshotter/format/wait_view.h"

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/idle_loops.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/utf8.h"
#include "snapshotter/format/waited_file_view.h"

namespace pysnap::format {
namespace {

// Methods of the standard library that wait, by where they are defined, their name, and what they are methods of.
struct Method {
  const char* module;
  const char* name;
  const char* of_module;
  const char* of_class;
  const char* kind;
};
constexpr char kCondition[] = "condition";
constexpr Method kMethods[] = {
    {"threading", "_wait_for_tstate_lock", "threading", "Thread", "join"},  // to 3.12
    {"threading", "join", "threading", "Thread", "join"},
    {"threading", "wait", "threading", "Condition", kCondition},
    {"threading", "wait_for", "threading", "Condition", kCondition},
    {"threading", "wait", "threading", "Event", "event"},
    {"threading", "acquire", "threading", "Semaphore", "semaphore"},
    {"threading", "_wait", "threading", "Barrier", "barrier"},
    {"queue", "get", "queue", "Queue", "queue"},
    {"queue", "put", "queue", "Queue", "queue"},
    {"queue", "join", "queue", "Queue", "queue"},
    {"concurrent.futures._base", "result", "concurrent.futures._base", "Future", "future"},
    {"concurrent.futures._base", "exception", "concurrent.futures._base", "Future", "future"},
    {"subprocess", "_try_wait", "subprocess", "Popen", "process"},
    {"subprocess", "_wait", "subprocess", "Popen", "process"},
};
// How far out of the innermost frame such a method may be.
constexpr int kMaxFrames = 5;

const Method* FindMethod(const LoadedSnapshot& snapshot, const proto::Frame& frame, uint32_t* self) {
  const FrameView view = ViewFrame(snapshot, frame);
  *self = FindLocal(snapshot, frame, "self");
  const proto::Object* object = snapshot.object(*self);
  if (object == nullptr) return nullptr;
  for (const Method& method : kMethods) {
    if (view.function == method.name && view.module == method.module &&
        IsInstance(snapshot, *object, method.of_module, method.of_class)) {
      return &method;
    }
  }
  return nullptr;
}

const char* KindOfCall(const WaitView& wait) {
  const std::string_view call = wait.system_call;
  if (call == "nanosleep" || call == "clock_nanosleep") return "sleep";
  // time.sleep() up to 3.10.
  if ((call == "select" || call == "pselect6") && wait.fds.empty()) return "sleep";
  if (call == "wait4" || call == "waitid") return "process";
  return wait.fds.empty() ? "other" : "files";
}

// A task that is certain to wait until the one that it waits for is done.
bool WaitsForGood(const LoadedSnapshot& snapshot, const TaskView& task) {
  if (task.task->state() != proto::Task::PENDING || task.task->waiter() == 0) return false;
  for (const FrameView& view : task.frames) {
    const bool of_tasks = view.module == "asyncio.tasks";
    // wait() and wait_for() may end by themselves, and as soon as one of several is done.
    if (of_tasks && (view.function == "wait" || view.function == "_wait" || view.function == "wait_for")) return false;
    for (const proto::Context& context : view.frame->context()) {
      const proto::Object* manager = snapshot.object(context.manager());
      if (manager != nullptr && IsInstance(snapshot, *manager, "asyncio.timeouts", "Timeout")) return false;
    }
  }
  return true;
}

std::string ThreadText(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  const std::string_view name = snapshot.string(thread.name());
  std::string text = absl::StrCat("thread ", thread.native_id());
  if (!name.empty()) absl::StrAppend(&text, " \"", Harmless(name), "\"");
  return text;
}

}  // namespace

Waits::Waits(const LoadedSnapshot& snapshot) : snapshot_(snapshot), tasks_(ViewTasks(snapshot)) {
  FindHolders();
  for (const proto::Thread* thread : snapshot.threads()) {
    std::optional<WaitView>& wait = waits_.emplace_back();
    if (!thread->has_wait()) continue;
    wait = WaitOf(*thread);
    FindOwner(*wait);
  }
  FindThreadCircles();
  FindTaskCircles();
  FindIdleTasks();
}

const std::optional<WaitView>& Waits::of(const proto::Thread& thread) const {
  const auto& threads = snapshot_.threads();
  return of(static_cast<size_t>(std::find(threads.begin(), threads.end(), &thread) - threads.begin()));
}

WaitView Waits::WaitOf(const proto::Thread& thread) const {
  WaitView wait;
  wait.record = &thread.wait();
  wait.system_call = snapshot_.string(thread.wait().system_call());
  wait.has_timeout = thread.wait().has_timeout();
  wait.fds.assign(thread.wait().fd().begin(), thread.wait().fd().end());
  wait.kind = KindOfCall(wait);
  wait.object = thread.wait().lock();
  if (wait.object != 0) wait.kind = "lock";
  // Whatever it does, it would go on with it.
  if (thread.wait().gil()) {
    wait.kind = "gil";
    return wait;
  }
  for (int i = 0; i < std::min(thread.frame_size(), kMaxFrames); ++i) {
    uint32_t self = 0;
    const Method* method = FindMethod(snapshot_, thread.frame(i), &self);
    if (method == nullptr) break;
    wait.kind = method->kind;
    wait.object = self;
    // What waits by a condition says more than that.
    if (std::strcmp(method->kind, kCondition) != 0) break;
  }
  return wait;
}

uint32_t Waits::LockOf(uint32_t manager) const {
  const proto::Object* object = snapshot_.object(manager);
  if (object == nullptr || !IsInstance(snapshot_, *object, "threading", "Condition")) return manager;
  return FindAttribute(snapshot_, *object, "_lock");
}

uint32_t Waits::GivenUp(const proto::Thread& thread) const {
  for (int i = 0; i < std::min(thread.frame_size(), kMaxFrames); ++i) {
    uint32_t self = 0;
    const Method* method = FindMethod(snapshot_, thread.frame(i), &self);
    if (method != nullptr && std::strcmp(method->kind, kCondition) == 0) return LockOf(self);
  }
  return 0;
}

void Waits::FindHolders() {
  for (size_t i = 0; i < snapshot_.threads().size(); ++i) {
    const uint32_t given_up = GivenUp(*snapshot_.threads()[i]);
    for (const proto::Frame& frame : snapshot_.threads()[i]->frame()) {
      for (const proto::Context& context : frame.context()) {
        if (context.is_async() || context.is_exiting() || context.is_entering()) continue;
        const uint32_t lock = LockOf(context.manager());
        if (lock == 0 || lock == given_up) continue;
        std::vector<size_t>& holders = holders_[lock];
        if (holders.empty() || holders.back() != i) holders.push_back(i);
      }
    }
  }
}

std::optional<size_t> Waits::ThreadOf(uint64_t ident) const {
  for (size_t i = 0; i < snapshot_.threads().size(); ++i) {
    if (snapshot_.threads()[i]->ident() == ident) return i;
  }
  return std::nullopt;
}

void Waits::FindOwner(WaitView& wait) const {
  if (std::strcmp(wait.kind, "gil") == 0) {
    for (size_t i = 0; i < snapshot_.threads().size(); ++i) {
      if (snapshot_.threads()[i]->holds_gil()) wait.owner = i;
    }
    return;
  }
  const proto::Object* object = snapshot_.object(wait.object);
  if (object == nullptr) return;
  if (std::strcmp(wait.kind, "join") == 0) {
    for (size_t i = 0; i < snapshot_.threads().size(); ++i) {
      if (snapshot_.threads()[i]->object() == wait.object) wait.owner = i;
    }
    return;
  }
  if (std::strcmp(wait.kind, "lock") != 0) return;
  // An RLock knows who has it.
  if (const std::optional<int64_t> owner = PartsOf(snapshot_, *object).Int("owner")) {
    if (*owner == 0) return;
    wait.owner = ThreadOf(static_cast<uint64_t>(*owner));
    wait.owner_has_ended = !wait.owner.has_value();
    return;
  }
  const auto holders = holders_.find(wait.object);
  if (holders != holders_.end() && holders->second.size() == 1) wait.owner = holders->second.front();
}

void Waits::FindThreadCircles() {
  const size_t count = waits_.size();
  const auto next = [&](size_t thread) -> std::optional<size_t> {
    const std::optional<WaitView>& wait = waits_[thread];
    const bool is_for_good = wait.has_value() && !wait->has_timeout && std::strcmp(wait->kind, "gil") != 0;
    return is_for_good ? wait->owner : std::nullopt;
  };
  std::vector<bool> seen(count);
  for (size_t first = 0; first < count; ++first) {
    if (waits_[first].has_value() && waits_[first]->owner_has_ended && !waits_[first]->has_timeout) {
      deadlocks_.push_back({.threads = {first}, .tasks = {}});
    }
    std::vector<size_t> path;
    std::optional<size_t> at = first;
    while (at.has_value() && !seen[*at]) {
      seen[*at] = true;
      path.push_back(*at);
      at = next(*at);
    }
    if (!at.has_value()) continue;
    const auto begin = std::find(path.begin(), path.end(), *at);
    if (begin != path.end()) deadlocks_.push_back({.threads = {begin, path.end()}, .tasks = {}});
  }
}

// Depth first along what tasks wait for; what leads back to where the path is now closes a circle.
void Waits::FindTaskCircles() {
  const std::vector<TaskView>& tasks = tasks_;
  enum : uint8_t { kNew, kOnPath, kDone };
  std::vector<uint8_t> state(tasks.size(), kNew);
  struct Step {
    size_t task;
    size_t edge;
  };
  for (size_t first = 0; first < tasks.size(); ++first) {
    if (state[first] != kNew || !WaitsForGood(snapshot_, tasks[first])) continue;
    std::vector<Step> path = {{first, 0}};
    state[first] = kOnPath;
    while (!path.empty()) {
      Step& step = path.back();
      if (step.edge == tasks[step.task].awaits.size()) {
        state[step.task] = kDone;
        path.pop_back();
        continue;
      }
      const size_t next = tasks[step.task].awaits[step.edge++];
      if (state[next] == kOnPath) {
        Deadlock deadlock;
        const auto begin = std::find_if(path.begin(), path.end(), [&](const Step& each) { return each.task == next; });
        for (auto it = begin; it != path.end(); ++it) deadlock.tasks.push_back(it->task);
        deadlocks_.push_back(std::move(deadlock));
      } else if (state[next] == kNew && WaitsForGood(snapshot_, tasks[next])) {
        state[next] = kOnPath;
        path.push_back({next, 0});
      }
    }
  }
}

// What a circle tells, and those that wait for nothing but it, need not be told again.
void Waits::FindIdleTasks() {
  std::vector<bool> in_circle(tasks_.size());
  for (const Deadlock& deadlock : deadlocks_) {
    for (const size_t task : deadlock.tasks) in_circle[task] = true;
  }
  const auto is_pending = [this](size_t task) { return tasks_[task].task->state() == proto::Task::PENDING; };
  std::vector<bool> stuck(tasks_.size());
  std::vector<size_t> pending;
  const auto add = [&](size_t task) {
    if (stuck[task] || in_circle[task]) return;
    stuck[task] = true;
    pending.push_back(task);
  };
  const std::vector<IdleLoop> loops = FindIdleLoops(snapshot_, tasks_);
  for (const IdleLoop& loop : loops) {
    for (const size_t task : loop.tasks) {
      const std::vector<size_t>& awaits = tasks_[task].awaits;
      if (std::none_of(awaits.begin(), awaits.end(), is_pending)) add(task);
    }
  }
  while (!pending.empty()) {
    const size_t task = pending.back();
    pending.pop_back();
    for (const size_t waiter : tasks_[task].awaited_by) add(waiter);
  }
  for (const IdleLoop& loop : loops) {
    Deadlock deadlock{.threads = {}, .tasks = {}, .loop = loop.object};
    for (const size_t task : loop.tasks) {
      if (stuck[task]) deadlock.tasks.push_back(task);
    }
    if (!deadlock.tasks.empty()) deadlocks_.push_back(std::move(deadlock));
  }
}

std::string Waits::Describe(const WaitView& wait, size_t max_repr) const {
  std::string text;
  if (wait.object != 0) {
    text = absl::StrCat(std::strcmp(wait.kind, "join") == 0 ? "the end of" : absl::StrCat("the ", wait.kind), " ",
                        Harmless(Repr(snapshot_, wait.object, {.max_characters = max_repr}).text));
  } else if (!wait.fds.empty()) {
    text = absl::StrCat(wait.fds.size() == 1 ? "descriptor " : "descriptors ", absl::StrJoin(wait.fds, ", "), " (",
                        Harmless(wait.system_call), ")");
    const std::string files = wait.record == nullptr ? "" : DescribeFiles(snapshot_, *wait.record);
    if (!files.empty()) absl::StrAppend(&text, ": ", files);
  } else if (std::strcmp(wait.kind, "gil") == 0) {
    text = "the GIL";
  } else if (std::strcmp(wait.kind, "sleep") == 0) {
    text = "time to pass";
  } else if (std::strcmp(wait.kind, "process") == 0) {
    text = "a child process";
  } else {
    text = absl::StrCat("the kernel (", Harmless(wait.system_call), ")");
  }
  if (wait.owner.has_value()) {
    const std::string owner = ThreadText(snapshot_, *snapshot_.threads()[*wait.owner]);
    absl::StrAppend(&text, std::strcmp(wait.kind, "join") == 0 ? ", " : ", which is held by ", owner);
  } else if (wait.owner_has_ended) {
    text += ", which is held by a thread that has ended";
  }
  const bool has_own_time = std::strcmp(wait.kind, "sleep") == 0 || std::strcmp(wait.kind, "gil") == 0;
  if (wait.has_timeout && !has_own_time) text += ", or a timeout";
  return text;
}

std::optional<bool> IsDaemon(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  const proto::Object* object = snapshot.object(thread.object());
  if (object == nullptr) return std::nullopt;
  const proto::Object* daemon = snapshot.object(FindAttribute(snapshot, *object, "_daemonic"));
  return daemon != nullptr && daemon->has_bool_value() ? std::optional(daemon->bool_value()) : std::nullopt;
}

uint32_t TargetOf(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  const proto::Object* object = snapshot.object(thread.object());
  if (object == nullptr) return 0;
  const uint32_t id = FindAttribute(snapshot, *object, "_target");
  const proto::Object* target = snapshot.object(id);
  return target == nullptr || target->singleton() == proto::NONE ? 0 : id;
}

}  // namespace pysnap::format
