#include "snapshotter/supervise/debug_registers.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/proc_files.h"
#include "snapshotter/process/realtime.h"
#include "snapshotter/supervise/stops.h"

namespace pysnap {
namespace {

#if defined(__x86_64__)

constexpr size_t kRegisters = 4;
constexpr size_t kControl = 7;

bool Write(pid_t tid, size_t number, uint64_t value) {
  const size_t offset = offsetof(struct user, u_debugreg) + number * sizeof(uint64_t);
  return ptrace(PTRACE_POKEUSER, tid, reinterpret_cast<void*>(offset), reinterpret_cast<void*>(value)) == 0;
}

// DR0 to DR3 hold the addresses, and bits 0, 2, 4, 6 of DR7 enable them for this thread; the rest of it, zero, says
// that they are about execution.
bool WriteAll(pid_t tid, const std::vector<Address>& addresses) {
  bool ok = Write(tid, kControl, 0);
  uint64_t control = 0;
  for (size_t i = 0; i < addresses.size() && ok; ++i) {
    ok = Write(tid, i, addresses[i].value());
    control |= uint64_t{1} << (2 * i);
  }
  return ok && Write(tid, kControl, control);
}

#else
#error "Debug registers are not known on this machine. Say here how they are written."
#endif

// TRAP_HWBKPT of asm-generic/siginfo.h.
constexpr int kTrapHardware = 4;
constexpr uint64_t kTrapBit = uint64_t{1} << (SIGTRAP - 1);

// Lets go of a thread that has stopped, without its breakpoints; returns whether it had, or has ended.
bool ClearIfStopped(pid_t tid) {
  constexpr int kNoneSwallowed = 0;
  bool gone = false;
  // Takes its end, too: a traced thread is not gone before its tracer has, and neither is its process.
  const std::optional<Stop> stop = NextStop(tid, kNoneSwallowed, &gone);
  if (!stop.has_value()) return gone;
  if (stop->ended) return true;
  const int signal = stop->event == 0 && stop->signal != SIGTRAP ? stop->signal : 0;
  WriteAll(tid, {});
  ptrace(PTRACE_DETACH, tid, nullptr, static_cast<intptr_t>(signal));
  return true;
}

// Adds the threads that will stop to `stopping`, and the children of the process to `children`.
void InterruptThreads(pid_t pid, std::vector<pid_t>& stopping, std::vector<pid_t>& children) {
  const UniqueFd tasks(open(absl::StrFormat("/proc/%d/task", pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tasks.ok()) return;
  std::vector<pid_t> tids;
  std::set<pid_t> seen;
  // A list that was made while threads ended may lack some.
  for (bool more = true; std::exchange(more, false) && ListTids(tasks.get(), tids).ok();) {
    for (const pid_t tid : tids) {
      if (!seen.insert(tid).second) continue;
      more = true;
      if (ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) continue;
      ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
      stopping.push_back(tid);
    }
  }
  for (const pid_t tid : seen) {
    const auto list = ReadFileAt(tasks.get(), absl::StrFormat("%d/children", tid).c_str(), 65536);
    if (!list.ok()) continue;
    for (const absl::string_view child : absl::StrSplit(*list, ' ', absl::SkipEmpty())) {
      pid_t id = 0;
      if (absl::SimpleAtoi(child, &id)) children.push_back(id);
    }
  }
}

}  // namespace

absl::Status DebugRegisters::Set(absl::Span<const pid_t> threads, Address address) {
  if (set_.size() == kRegisters) return absl::ResourceExhaustedError("all debug registers are in use");
  const bool first = set_.empty();
  set_.push_back(address);
  for (const pid_t tid : threads) {
    if (first) NoteMask(tid);
    // ESRCH: it has ended, or is not stopped yet, and gets them when it is.
    if (WriteAll(tid, set_) || errno == ESRCH) continue;
    const int error = errno;
    set_.pop_back();
    return absl::PermissionDeniedError(
        absl::StrFormat("the debug registers of thread %d cannot be written: %s", tid, std::strerror(error)));
  }
  return absl::OkStatus();
}

void DebugRegisters::Remove(absl::Span<const pid_t> threads, Address address) {
  std::erase(set_, address);
  for (const pid_t tid : threads) WriteAll(tid, set_);
}

void DebugRegisters::OnNewThread(pid_t tid) {
  if (set_.empty()) return;
  NoteMask(tid);
  WriteAll(tid, set_);
}

void DebugRegisters::OnHit(pid_t tid) {
  uint64_t mask = 0;
  if (blocking_.count(tid) == 0 || ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask) != 0) return;
  mask |= kTrapBit;
  ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
}

void DebugRegisters::Disarm(pid_t tid) { WriteAll(tid, {}); }

void DebugRegisters::Arm(pid_t tid) { WriteAll(tid, set_); }

void DebugRegisters::NoteMask(pid_t tid) {
  uint64_t mask = 0;
  blocking_.erase(tid);
  if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask) == 0 && (mask & kTrapBit) != 0) blocking_.insert(tid);
}

bool DebugRegisters::IsHit(const siginfo_t& info) const {
  return info.si_signo == SIGTRAP && info.si_code == kTrapHardware;
}

void ClearDebugRegisters(pid_t pid) {
  // Until it is cleared, a thread that runs into a breakpoint kills its process: all are told to stop before any is
  // waited for.
  const RealtimeGuard realtime;
  std::vector<pid_t> awaited;
  std::vector<pid_t> processes = {pid};
  while (!processes.empty()) {
    const pid_t next = processes.back();
    processes.pop_back();
    InterruptThreads(next, awaited, processes);
  }
  // One that waits in the kernel for another is not waited for by all.
  while (!awaited.empty()) {
    if (std::erase_if(awaited, ClearIfStopped) == 0) AwaitStop(std::chrono::milliseconds(1));
  }
}

}  // namespace pysnap
