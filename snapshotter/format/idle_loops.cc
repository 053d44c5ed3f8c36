#include "snapshotter/format/idle_loops.h"

#include <signal.h>

#include <algorithm>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"

namespace pysnap::format {
namespace {

// A loop that waits, the innermost frame first: Lib/selectors.py, EpollSelector; Lib/asyncio/base_events.py.
struct Place {
  std::string_view module;
  std::string_view function;
};
constexpr Place kWaiting[] = {
    {"selectors", "select"}, {"asyncio.base_events", "_run_once"}, {"asyncio.base_events", "run_forever"}};

// Raised by the processor; what handles one prints the stack and ends the process (Modules/faulthandler.c).
constexpr int kFaults[] = {SIGSEGV, SIGFPE, SIGABRT, SIGBUS, SIGILL};

// What raises KeyboardInterrupt, or has asyncio.run() cancel its task (Lib/asyncio/runners.py: Runner.run, 3.11 on).
bool OnlyInterrupts(const LoadedSnapshot& snapshot, const proto::Object& handler) {
  if (handler.has_builtin_function()) {
    return snapshot.string(handler.builtin_function().name()) == "default_int_handler" &&
           StrOf(snapshot, handler.builtin_function().module()) == "_signal";
  }
  if (!IsType(snapshot, TypeOf(snapshot, handler), "functools", "partial")) return false;
  const proto::Object* method = snapshot.object(PartsOf(snapshot, handler).Id("func"));
  if (method == nullptr || !method->has_method()) return false;
  const proto::Object* function = snapshot.object(method->method().function());
  if (function == nullptr || !function->has_function()) return false;
  return StrOf(snapshot, function->function().qualname()) == "Runner._on_sigint" &&
         StrOf(snapshot, function->function().module()) == "asyncio.runners";
}

bool SignalsEndIt(const LoadedSnapshot& snapshot, const proto::ProcessState& state) {
  if (state.has_signals_absent()) return false;
  return std::all_of(state.signal_handler().begin(), state.signal_handler().end(), [&](const auto& each) {
    if (each.handler() == 0) return std::count(std::begin(kFaults), std::end(kFaults), each.signal()) != 0;
    const proto::Object* handler = snapshot.object(each.handler());
    return handler != nullptr && OnlyInterrupts(snapshot, *handler);
  });
}

// Whether an attribute is known to be an empty container.
bool IsEmpty(const LoadedSnapshot& snapshot, const proto::Object& object, const char* name) {
  const proto::Object* container = snapshot.object(FindAttribute(snapshot, object, name));
  if (container == nullptr || container->has_absent()) return false;
  if (container->has_mapping()) return container->mapping().key_size() == 0 && container->mapping().omitted() == 0;
  return container->has_sequence() && container->sequence().item_size() == 0;
}

// The loop of a thread that waits for nothing; 0: it does something else, or that is not certain.
uint32_t IdleLoopOf(const LoadedSnapshot& snapshot, const proto::Thread& thread) {
  const proto::Wait& wait = thread.wait();
  if (!thread.has_wait() || !thread.stopped() || wait.has_timeout()) return 0;
  if (!snapshot.string(wait.system_call()).starts_with("epoll_")) return 0;
  if (thread.frame_size() < static_cast<int>(std::size(kWaiting))) return 0;
  for (int i = 0; i < static_cast<int>(std::size(kWaiting)); ++i) {
    const FrameView view = ViewFrame(snapshot, thread.frame(i));
    if (view.module != kWaiting[i].module || view.function != kWaiting[i].function) return 0;
  }
  const uint32_t id = FindLocal(snapshot, thread.frame(std::size(kWaiting) - 1), "self");
  const proto::Object* loop = snapshot.object(id);
  if (loop == nullptr || !IsType(snapshot, TypeOf(snapshot, *loop), "asyncio.unix_events", "_UnixSelectorEventLoop")) {
    return 0;
  }
  for (const char* name : {"_ready", "_scheduled", "_signal_handlers"}) {
    if (!IsEmpty(snapshot, *loop, name)) return 0;
  }
  // The epoll, and the one socket in it.
  if (wait.file_size() != 2) return 0;
  const proto::WaitedFile& epoll = wait.file(0);
  const proto::WaitedFile& registered = wait.file(1);
  const bool whole = epoll.kind() == proto::WaitedFile::EPOLL && !epoll.has_epoll() && !epoll.has_absent();
  if (!whole || !registered.has_epoll() || registered.kind() != proto::WaitedFile::SOCKET) return 0;
  const proto::Object* own = snapshot.object(FindAttribute(snapshot, *loop, "_ssock"));
  const bool is_own = own != nullptr && IsInstance(snapshot, *own, "_socket", "socket") &&
                      PartsOf(snapshot, *own).Int("fd") == registered.fd();
  return is_own ? id : 0;
}

}  // namespace

std::vector<IdleLoop> FindIdleLoops(const LoadedSnapshot& snapshot, const std::vector<TaskView>& tasks) {
  const proto::ProcessState* state = snapshot.process_state();
  if (state == nullptr || !SignalsEndIt(snapshot, *state)) return {};
  absl::flat_hash_set<int64_t> still(state->parked().begin(), state->parked().end());
  absl::flat_hash_map<uint32_t, size_t> places;
  std::vector<IdleLoop> loops;
  for (const proto::Thread* thread : snapshot.threads()) {
    const uint32_t loop = IdleLoopOf(snapshot, *thread);
    if (loop == 0 || thread->native_id() == 0) continue;
    still.insert(thread->native_id());
    if (places.try_emplace(loop, loops.size()).second) loops.push_back({.object = loop, .tasks = {}});
  }
  if (loops.empty() || still.size() != state->threads()) return {};
  absl::flat_hash_set<uint32_t> uncertain;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const proto::Task& task = *tasks[i].task;
    const auto place = places.find(task.loop());
    if (place == places.end() || task.library() != proto::Task::ASYNCIO) continue;
    switch (task.state()) {
      case proto::Task::CANCELLED:
      case proto::Task::FINISHED:
        break;
      case proto::Task::PENDING:
        loops[place->second].tasks.push_back(i);
        if (task.waiter() == 0) uncertain.insert(task.loop());
        break;
      default:
        uncertain.insert(task.loop());
    }
  }
  std::erase_if(loops, [&](const IdleLoop& loop) { return loop.tasks.empty() || uncertain.contains(loop.object); });
  return loops;
}

}  // namespace pysnap::format
