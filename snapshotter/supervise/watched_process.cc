#include "snapshotter/supervise/watched_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

// How long a dying process is kept for threads that do not arrive at their end, and any process for one that does not
// stop. What the kernel kills for want of memory is emptied after some two seconds.
constexpr std::chrono::milliseconds kPatience{1000};

int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// What the event of a stopped thread is about: a process or thread id, or an exit status.
std::optional<unsigned long> EventMessage(pid_t tid) {
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message) != 0) return std::nullopt;
  return message;
}

// A breakpoint's signal waits where it is blocked, and is seen neither by us nor where it was meant. Whoever starts a
// program with all signals blocked does not mean this one.
void UnblockTrapSignal(pid_t tid) {
  constexpr uint64_t kTrap = uint64_t{1} << (SIGTRAP - 1);
  uint64_t mask = 0;
  void* const size = reinterpret_cast<void*>(sizeof(mask));
  if (ptrace(PTRACE_GETSIGMASK, tid, size, &mask) != 0 || (mask & kTrap) == 0) return;
  mask &= ~kTrap;
  ptrace(PTRACE_SETSIGMASK, tid, size, &mask);
}

}  // namespace

// The threads as they stand while the process is held.
class WatchedProcess::Held : public PausedProcess {
 public:
  Held(const std::map<pid_t, Tracee>& tracees, const LiveTarget& target) {
    const UniqueFd task_dir(openat(target.proc_dir(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const auto& [tid, tracee] : tracees) {
      threads_.push_back({.thread = ReadKernelThread(task_dir.get(), tid, target.same_pid_namespace()),
                          .stopped = tracee.stopped,
                          .reason = tracee.stopped ? "" : "it did not stop in time"});
    }
    std::stable_partition(threads_.begin(), threads_.end(),
                          [&](const PausedThread& thread) { return thread.thread.tid == target.pid(); });
  }
  const std::vector<PausedThread>& threads() const override { return threads_; }
  absl::StatusOr<Registers> ReadRegisters(pid_t tid) override { return ReadThreadRegisters(tid); }

 private:
  std::vector<PausedThread> threads_;
};

void WatchedProcess::Add(pid_t tid) { tracees_.try_emplace(tid); }

void WatchedProcess::StartAsCopy(const WatchedProcess& parent) {
  Add(pid_);
  is_child_ = true;
  traps_.StartAsCopy(parent.traps_, pid_);
}

void WatchedProcess::OnEnd(pid_t tid) {
  tracees_.erase(tid);
  if (dying_.has_value()) OnDeath();
}

std::optional<pid_t> WatchedProcess::OnStop(const Stop& stop) {
  const pid_t tid = stop.tid;
  tracees_[tid].stopped = true;
  if (!std::exchange(tracees_[tid].seen, true)) traps_.OnNewThread(tid);
  std::optional<pid_t> child;
  switch (stop.event) {
    case 0:
      OnSignal(stop);
      return child;
    case PTRACE_EVENT_CLONE:
      if (const auto message = EventMessage(tid)) Add(static_cast<pid_t>(*message));
      // The new thread has inherited only the breakpoints that were there when it was made.
      if (traps_.NeedsAllThreads()) {
        Hold();
        traps_.OnThread(Tids());
        Release();
      } else {
        traps_.OnThread(Tids());
      }
      break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
      if (const auto message = EventMessage(tid)) child = static_cast<pid_t>(*message);
      break;
    case PTRACE_EVENT_EXEC:
      OnExec(tid);
      return child;
    case PTRACE_EVENT_EXIT:
      OnExit(tid);
      return child;
    default:
      if (stop.is_group_stop()) {
        // It stays stopped until somebody continues it, and we hear of that.
        ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
        tracees_[tid].stopped = false;
        return child;
      }
      break;
  }
  Continue(tid);
  return child;
}

std::optional<Stop> WatchedProcess::TakePending() {
  for (auto& [tid, tracee] : tracees_) {
    if (tracee.pending.has_value()) return std::exchange(tracee.pending, std::nullopt);
  }
  return std::nullopt;
}

void WatchedProcess::OnTime() {
  if (dying_.has_value() && Clock::now() - dying_since_ > kPatience) OnDeath();
}

void WatchedProcess::Continue(pid_t tid, int signal) {
  tracees_[tid].stopped = false;
  // ESRCH: it was killed meanwhile.
  ptrace(PTRACE_CONT, tid, nullptr, static_cast<intptr_t>(signal));
}

void WatchedProcess::OnExec(pid_t tid) {
  // The thread that called exec has taken the place and the id of the first; the others are gone.
  std::erase_if(tracees_, [tid](const auto& each) { return each.first != tid; });
  signals_.clear();
  main_thread_raised_ = false;
  UnblockTrapSignal(tid);
  if (const absl::Status status = traps_.OnExec(tid); !status.ok()) {
    reporter_.Say(absl::StrCat("on-crash: exceptions are not seen: ", status.message()));
  } else if (options_.verbose) {
    reporter_.Say(absl::StrFormat("process %d: breakpoints by %s", pid_, NameOf(options_.breakpoints)));
  }
  Continue(tid);
}

void WatchedProcess::OnSignal(const Stop& stop) {
  siginfo_t info = {};
  if (ptrace(PTRACE_GETSIGINFO, stop.tid, nullptr, &info) != 0) return Continue(stop.tid, stop.signal);
  if (traps_.IsHit(info)) {
    OnHit(stop.tid);
    return Continue(stop.tid);
  }
  if (stop.signal == options_.request_signal) {
    Occasion occasion;
    occasion.reason.set_kind(proto::Reason::REQUEST);
    occasion.reason.set_signal(stop.signal);
    occasion.reason.set_native_id(NativeId(stop.tid));
    Snapshot(occasion);
    return Continue(stop.tid);
  }
  // A handler may end the process by the same signal once more; where it came from is told by the first. A fault is a
  // new beginning.
  const auto seen = signals_.find(stop.signal);
  if (seen == signals_.end() || IsFault(info) || !IsFault(seen->second.info)) {
    signals_[stop.signal] = {.info = info, .native_id = NativeId(stop.tid)};
  }
  Continue(stop.tid, stop.signal);
}

void WatchedProcess::OnHit(pid_t tid) {
  const int64_t native_id = NativeId(tid);
  const auto exception = traps_.OnHit(tid, native_id, Tids());
  if (!exception.ok()) {
    reporter_.Say(absl::StrCat("on-crash: an exception was not looked at: ", exception.status().message()));
    return;
  }
  if (*exception == Occasion::Exception::kNone) return;
  Occasion occasion;
  occasion.reason.set_kind(proto::Reason::EXCEPTION);
  occasion.reason.set_native_id(native_id);
  occasion.exception = *exception;
  Snapshot(occasion);
  if (tid == pid_) main_thread_raised_ = true;
}

void WatchedProcess::OnExit(pid_t tid) {
  const auto message = EventMessage(tid);
  if (!message.has_value()) return Continue(tid);
  const int status = static_cast<int>(*message);
  if (!dying_.has_value()) {
    if (!IsOwnCrash(status)) return Continue(tid);
    dying_ = status;
    dying_since_ = Clock::now();
  }
  tracees_[tid].exiting = true;
  OnDeath();
}

bool WatchedProcess::IsOwnCrash(int status) const {
  if (ended_ || !IsCrash(status, options_.all_exits)) return false;
  // Python exits with 1 then, and after KeyboardInterrupt by SIGINT (exit_sigint, Modules/main.c).
  const bool follows = WIFEXITED(status) || WTERMSIG(status) == SIGINT;
  return !(main_thread_raised_ && follows);
}

void WatchedProcess::OnDeath() {
  const auto arrived = [](const auto& each) { return each.second.exiting; };
  const bool late = Clock::now() - dying_since_ > kPatience;
  if (!late && !std::all_of(tracees_.begin(), tracees_.end(), arrived)) return;
  const int status = *std::exchange(dying_, std::nullopt);
  ended_ = true;
  std::optional<SeenSignal> seen;
  if (WIFSIGNALED(status)) {
    if (const auto it = signals_.find(WTERMSIG(status)); it != signals_.end()) seen = it->second;
  }
  Snapshot(DeathOccasion(status, seen));
  for (const pid_t tid : Tids()) {
    if (tracees_[tid].exiting) Continue(tid);
  }
}

void WatchedProcess::Hold() {
  const Clock::time_point begin = Clock::now();
  for (const auto& [tid, tracee] : tracees_) {
    if (!tracee.stopped) ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
  }
  while (Clock::now() - begin < kPatience) {
    bool moving = false;
    for (const pid_t tid : Tids()) {
      if (tracees_[tid].stopped) continue;
      const std::optional<Stop> stop = NextStop(tid, /*wait=*/false, options_.request_signal, nullptr);
      if (!stop.has_value()) {
        moving = true;
      } else if (stop->ended) {
        tracees_.erase(tid);
      } else {
        tracees_[tid].stopped = true;
        tracees_[tid].pending = stop;
        if (stop->event != PTRACE_EVENT_CLONE) continue;
        // The one that it has started comes to a stop by itself.
        if (const auto message = EventMessage(tid)) Add(static_cast<pid_t>(*message));
        moving = true;
      }
    }
    if (!moving) return;
    AwaitStop(std::chrono::milliseconds(1));
  }
}

void WatchedProcess::Release() {
  for (const pid_t tid : Tids()) {
    Tracee& tracee = tracees_[tid];
    if (!tracee.pending.has_value()) continue;
    if (tracee.pending->event != PTRACE_EVENT_STOP || tracee.pending->is_group_stop()) continue;
    tracee.pending.reset();
    Continue(tid);
  }
}

std::vector<pid_t> WatchedProcess::Tids() const {
  std::vector<pid_t> tids;
  tids.reserve(tracees_.size());
  for (const auto& [tid, tracee] : tracees_) tids.push_back(tid);
  return tids;
}

int64_t WatchedProcess::NativeId(pid_t tid) const {
  const auto status = ReadFileAt(AT_FDCWD, absl::StrFormat("/proc/%d/task/%d/status", pid_, tid).c_str(), 65536);
  if (!status.ok()) return tid;
  // The last of the ids is the one in the thread's own namespace.
  const absl::string_view ids = StatusField(*status, "NSpid");
  const size_t blank = ids.find_last_of(" \t");
  int64_t native = tid;
  return absl::SimpleAtoi(blank == absl::string_view::npos ? ids : ids.substr(blank + 1), &native) ? native : tid;
}

void WatchedProcess::Snapshot(const Occasion& occasion) {
  const absl::StatusOr<CaptureSummary> summary = TrySnapshot(occasion);
  // Among the children of a program are some that are no Python.
  if (is_child_ && absl::IsFailedPrecondition(summary.status()) && !options_.verbose) return;
  reporter_.Report(summary);
}

absl::StatusOr<CaptureSummary> WatchedProcess::TrySnapshot(const Occasion& occasion) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LiveTarget> target, LiveTarget::Open(pid_));
  ASSIGN_OR_RETURN(const Runtime runtime, FindPython(*target));
  const CaptureSource source = {
      .target = *target,
      .runtime = runtime,
      .pause = [&](const std::function<void(PausedProcess&)>& read) -> absl::StatusOr<PauseReport> {
        PauseReport report;
        report.start_ns = MonotonicNs();
        Hold();
        Held held(tracees_, *target);
        read(held);
        Release();
        report.end_ns = MonotonicNs();
        report.threads = held.threads();
        return report;
      },
      .rehearse = false,
  };
  CaptureOptions options = options_.capture;
  // Where a signal hit is as often as not in native code.
  options.native |= occasion.reason.kind() == proto::Reason::SIGNAL;
  return Capture(source, occasion, redaction_, options, reporter_.NextPath(target->info()));
}

}  // namespace pysnap
