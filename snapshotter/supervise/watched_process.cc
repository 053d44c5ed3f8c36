#include "snapshotter/supervise/watched_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
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

constexpr uint64_t kTrapBit = uint64_t{1} << (SIGTRAP - 1);

// Whether a SIGTRAP waits for this thread to unblock it.
bool HasBlockedTrap(pid_t pid, pid_t tid) {
  const auto status = ReadFileAt(AT_FDCWD, absl::StrFormat("/proc/%d/task/%d/status", pid, tid).c_str(), 65536);
  uint64_t pending = 0;
  uint64_t blocked = 0;
  return status.ok() && absl::SimpleHexAtoi(StatusField(*status, "SigPnd"), &pending) &&
         absl::SimpleHexAtoi(StatusField(*status, "SigBlk"), &blocked) && (pending & blocked & kTrapBit) != 0;
}

// The SIGTRAP that waits for a stopped thread.
std::optional<siginfo_t> PendingTrap(pid_t tid) {
  std::array<siginfo_t, 64> queue = {};
  __ptrace_peeksiginfo_args all = {.off = 0, .flags = 0, .nr = queue.size()};
  const long count = ptrace(PTRACE_PEEKSIGINFO, tid, &all, queue.data());
  for (long i = 0; i < count; ++i) {
    if (queue[static_cast<size_t>(i)].si_signo == SIGTRAP) return queue[static_cast<size_t>(i)];
  }
  return std::nullopt;
}

// It was stopped by us, and for nothing else.
bool IsBareStop(const std::optional<Stop>& stop) {
  return stop.has_value() && stop->event == PTRACE_EVENT_STOP && !stop->is_group_stop();
}

int64_t ReadNativeId(pid_t pid, pid_t tid) {
  const auto status = ReadFileAt(AT_FDCWD, absl::StrFormat("/proc/%d/task/%d/status", pid, tid).c_str(), 65536);
  if (!status.ok()) return tid;
  // The last of the ids is the one in the thread's own namespace.
  const absl::string_view ids = StatusField(*status, "NSpid");
  const size_t blank = ids.find_last_of(" \t");
  int64_t native = tid;
  return absl::SimpleAtoi(blank == absl::string_view::npos ? ids : ids.substr(blank + 1), &native) ? native : tid;
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

// What is known of an exit before the interpreter goes. Its code is known only when it is gone.
class WatchedProcess::ProbableExit {
 public:
  static absl::StatusOr<std::unique_ptr<ProbableExit>> Take(WatchedProcess& process, const Occasion& occasion) {
    ASSIGN_OR_RETURN(std::unique_ptr<LiveTarget> target, LiveTarget::Open(process.pid_));
    ASSIGN_OR_RETURN(Runtime runtime, FindPython(*target));
    std::unique_ptr<ProbableExit> exit(new ProbableExit(process, occasion, std::move(target), std::move(runtime)));
    RETURN_IF_ERROR(exit->capture_.Take());
    return exit;
  }
  const LiveTarget& target() const { return *target_; }
  absl::StatusOr<CaptureSummary> Write(int code, const std::string& path) {
    occasion_.reason.set_exit_code(code);
    return capture_.Write(occasion_.reason, path);
  }

 private:
  ProbableExit(WatchedProcess& process, const Occasion& occasion, std::unique_ptr<LiveTarget> target, Runtime runtime)
      : occasion_(occasion),
        target_(std::move(target)),
        runtime_(std::move(runtime)),
        source_{.target = *target_,
                .runtime = runtime_,
                .pause = [this, &process](const auto& read) { return process.Pause(*target_, read); },
                .write = [&process](WriteSnapshot write) { return process.Write(write); }},
        capture_(source_, occasion_, process.redaction_, process.options_.capture) {}

  Occasion occasion_;
  const std::unique_ptr<LiveTarget> target_;
  const Runtime runtime_;
  const CaptureSource source_;
  DeferredCapture capture_;
};

WatchedProcess::WatchedProcess(pid_t pid,
                               const SuperviseOptions& options,
                               const RedactionRules& redaction,
                               TrapFinder& finder,
                               const WriterProcess& writer,
                               Reporter& reporter)
    : pid_(pid),
      options_(options),
      redaction_(redaction),
      writer_(writer),
      reporter_(reporter),
      traps_(options.breakpoints, options.all_exits, finder) {}

WatchedProcess::~WatchedProcess() = default;

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

WatchedProcess::Outcome WatchedProcess::OnStop(const Stop& stop) {
  const pid_t tid = stop.tid;
  tracees_[tid].stopped = true;
  if (!std::exchange(tracees_[tid].seen, true)) traps_.OnNewThread(tid);
  Outcome outcome;
  switch (stop.event) {
    case 0:
      outcome.hit = OnSignal(stop);
      return outcome;
    case PTRACE_EVENT_CLONE:
      if (const auto message = EventMessage(tid)) Add(static_cast<pid_t>(*message));
      traps_.OnThread();
      ChangeTraps();
      break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
      if (const auto message = EventMessage(tid)) outcome.child = static_cast<pid_t>(*message);
      break;
    case PTRACE_EVENT_EXEC:
      OnExec(tid);
      return outcome;
    case PTRACE_EVENT_EXIT:
      OnExit(tid);
      return outcome;
    default:
      if (stop.is_group_stop()) {
        // It stays stopped until somebody continues it, and we hear of that.
        ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
        tracees_[tid].stopped = false;
        return outcome;
      }
      break;
  }
  Continue(tid);
  return outcome;
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

int WatchedProcess::DropBlockedHits() {
  std::vector<pid_t> tids;
  for (const auto& [tid, tracee] : tracees_) {
    if (!tracee.stopped && HasBlockedTrap(pid_, tid)) tids.push_back(tid);
  }
  if (tids.empty()) return 0;
  int dropped = 0;
  Hold();
  for (const pid_t tid : tids) {
    if (!DropBlockedHit(tid)) continue;
    ++dropped;
    if (std::exchange(said_blocked_, true)) continue;
    reporter_.Say(absl::StrFormat("on-crash: thread %d blocks SIGTRAP: exceptions in it are not seen", NativeId(tid)));
  }
  Release();
  return dropped;
}

bool WatchedProcess::DropBlockedHit(pid_t tid) {
  const auto it = tracees_.find(tid);
  if (it == tracees_.end() || !IsBareStop(it->second.pending)) return false;
  const std::optional<siginfo_t> trap = PendingTrap(tid);
  uint64_t mask = 0;
  if (!trap.has_value() || !traps_.IsHit(*trap)) return false;
  if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask) != 0) return false;
  uint64_t open = mask & ~kTrapBit;
  // It is the first of all signals that a thread takes (dequeue_synchronous_signal, kernel/signal.c).
  if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(open), &open) != 0) return false;
  it->second.pending.reset();
  Continue(tid);
  const Clock::time_point begin = Clock::now();
  std::optional<Stop> stop;
  while (!stop.has_value() && Clock::now() - begin < kPatience) {
    stop = NextStop(tid, options_.request_signal, nullptr);
    if (!stop.has_value()) AwaitStop(std::chrono::milliseconds(1));
  }
  if (!stop.has_value()) return false;
  if (stop->ended) {
    tracees_.erase(tid);
    return false;
  }
  ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
  it->second.stopped = true;
  it->second.pending = stop;
  if (stop->event != 0 || stop->signal != SIGTRAP) return false;
  it->second.pending.reset();
  Continue(tid);
  return true;
}

void WatchedProcess::Continue(pid_t tid, int signal) {
  Tracee& tracee = tracees_[tid];
  tracee.stopped = false;
  if (std::exchange(tracee.disarmed, false)) traps_.Arm(tid);
  // ESRCH: it was killed meanwhile.
  ptrace(PTRACE_CONT, tid, nullptr, static_cast<intptr_t>(signal));
}

void WatchedProcess::Disarm(pid_t tid) {
  if (!std::exchange(tracees_[tid].disarmed, true)) traps_.Disarm(tid);
}

void WatchedProcess::OnExec(pid_t tid) {
  // The thread that called exec has taken the place and the id of the first; the others are gone.
  std::erase_if(tracees_, [tid](const auto& each) { return each.first != tid; });
  signals_.clear();
  main_thread_raised_ = false;
  exit_.reset();
  if (const absl::Status status = traps_.OnExec(tid); !status.ok()) {
    reporter_.Say(absl::StrCat("on-crash: exceptions are not seen: ", status.message()));
  } else if (options_.verbose) {
    reporter_.Say(absl::StrFormat("process %d: breakpoints by %s", pid_, NameOf(options_.breakpoints)));
  }
  Continue(tid);
}

bool WatchedProcess::OnSignal(const Stop& stop) {
  siginfo_t info = {};
  if (ptrace(PTRACE_GETSIGINFO, stop.tid, nullptr, &info) != 0) {
    // It does not stand where it takes this signal any more: it was killed.
    Continue(stop.tid);
    return false;
  }
  if (traps_.IsHit(info)) {
    Disarm(stop.tid);
    OnHit(stop.tid);
    Continue(stop.tid);
    return true;
  }
  if (stop.signal == options_.request_signal) {
    Occasion occasion;
    occasion.reason.set_kind(proto::Reason::REQUEST);
    occasion.reason.set_signal(stop.signal);
    occasion.reason.set_native_id(NativeId(stop.tid));
    Snapshot(occasion);
    Continue(stop.tid);
    return false;
  }
  // A handler may end the process by the same signal once more; where it came from is told by the first. A fault is a
  // new beginning.
  const auto seen = signals_.find(stop.signal);
  if (seen == signals_.end() || IsFault(info) || !IsFault(seen->second.info)) {
    signals_[stop.signal] = {.info = info, .native_id = NativeId(stop.tid)};
  }
  Continue(stop.tid, stop.signal);
  return false;
}

void WatchedProcess::OnHit(pid_t tid) {
  const absl::StatusOr<Finding> finding = traps_.OnHit(tid, [&] { return NativeId(tid); });
  if (!finding.ok()) {
    // One that was killed, as all are when one ends the process, will not report anything.
    const bool stands = ReadThreadRegisters(tid).ok();
    if (stands || options_.verbose)
      reporter_.Say(absl::StrCat("on-crash: an exception was not looked at: ", finding.status().message()));
  } else if (finding->kind != Finding::Kind::kNothing) {
    OnFinding(tid, *finding);
  }
  ChangeTraps();
}

void WatchedProcess::OnFinding(pid_t tid, const Finding& finding) {
  Occasion occasion;
  occasion.reason.set_kind(proto::Reason::EXCEPTION);
  occasion.reason.set_native_id(NativeId(tid));
  occasion.exception = finding.exception;
  occasion.stored = finding.stored;
  if (finding.kind != Finding::Kind::kCrash) return TakeExit(occasion);
  Snapshot(occasion);
  // What was stored ends nothing.
  if (tid == pid_ && finding.exception == Occasion::Exception::kRaised) main_thread_raised_ = true;
}

void WatchedProcess::TakeExit(const Occasion& occasion) {
  if (!options_.all_exits) return;
  // SystemExit is followed by the end of the interpreter. An exception that was reported is, too, and has its snapshot.
  const bool raised = occasion.exception != Occasion::Exception::kNone;
  if (!raised && (exit_ != nullptr || main_thread_raised_)) return;
  Occasion exit = occasion;
  exit.reason.set_kind(proto::Reason::EXIT);
  absl::StatusOr<std::unique_ptr<ProbableExit>> taken = ProbableExit::Take(*this, exit);
  if (taken.ok()) {
    exit_ = *std::move(taken);
    main_thread_raised_ = false;
  } else {
    reporter_.Report(taken.status());
  }
}

void WatchedProcess::ChangeTraps() {
  if (!traps_.HasChanges()) return;
  // Also the threads that are made at this moment have to get them.
  Hold();
  const absl::Status status = traps_.Change(Tids());
  // They have them all now, also the one that goes on later.
  for (auto& [tid, tracee] : tracees_) tracee.disarmed = false;
  Release();
  if (!status.ok()) reporter_.Say(absl::StrCat("on-crash: exceptions are not seen: ", status.message()));
  for (const std::string& note : traps_.TakeNotes()) {
    if (options_.verbose) reporter_.Say(absl::StrFormat("process %d: %s", pid_, note));
  }
}

void WatchedProcess::OnExit(pid_t tid) {
  const auto message = EventMessage(tid);
  if (!message.has_value()) return Continue(tid);
  const int status = static_cast<int>(*message);
  if (!dying_.has_value()) {
    if (!IsOwnCrash(status)) return Continue(tid);
    dying_ = status;
    dying_since_ = Clock::now();
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) killed_.emplace(pid_);
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
  if (WIFEXITED(status) && exit_ != nullptr) {
    reporter_.Report(exit_->Write(WEXITSTATUS(status), reporter_.NextPath(exit_->target().info())));
  } else {
    Snapshot(DeathOccasion(status, seen));
  }
  for (const pid_t tid : Tids()) {
    if (tracees_[tid].exiting) Continue(tid);
  }
}

void WatchedProcess::Hold() {
  const Clock::time_point begin = Clock::now();
  for (const auto& [tid, tracee] : tracees_) {
    if (tracee.stopped) {
      Disarm(tid);
    } else {
      ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    }
  }
  while (Clock::now() - begin < kPatience) {
    bool moving = false;
    for (const pid_t tid : Tids()) {
      if (tracees_[tid].stopped) continue;
      const std::optional<Stop> stop = NextStop(tid, options_.request_signal, nullptr);
      if (!stop.has_value()) {
        moving = true;
      } else if (stop->ended) {
        tracees_.erase(tid);
      } else {
        tracees_[tid].stopped = true;
        tracees_[tid].pending = stop;
        Disarm(tid);
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

void WatchedProcess::CollectStops() {
  for (auto& [tid, tracee] : tracees_) {
    if (!tracee.stopped) {
      tracee.pending = NextStop(tid, options_.request_signal, nullptr);
      tracee.stopped = tracee.pending.has_value();
    }
    if (tracee.stopped) Disarm(tid);
  }
}

void WatchedProcess::Release() {
  for (const pid_t tid : Tids()) {
    Tracee& tracee = tracees_[tid];
    if (!IsBareStop(tracee.pending)) continue;
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

int64_t WatchedProcess::NativeId(pid_t tid) {
  std::optional<int64_t>& native_id = tracees_[tid].native_id;
  if (!native_id.has_value()) native_id = ReadNativeId(pid_, tid);
  return *native_id;
}

absl::StatusOr<PauseReport> WatchedProcess::Pause(const LiveTarget& target,
                                                  const std::function<void(PausedProcess&)>& read) {
  PauseReport report;
  report.start_ns = MonotonicNs();
  Hold();
  Held held(tracees_, target);
  read(held);
  Release();
  if (IsEmptied()) return EmptiedError();
  report.end_ns = MonotonicNs();
  report.threads = held.threads();
  return report;
}

absl::StatusOr<CaptureSummary> WatchedProcess::Write(WriteSnapshot write) {
  const auto before_fork = [&] {
    Hold();
    traps_.Suspend();
  };
  const auto parted = [&] {
    traps_.Resume();
    Release();
  };
  return writer_.Run(write, before_fork, parted);
}

bool WatchedProcess::IsEmptied() const { return killed_.has_value() && killed_->IsTaken(); }

absl::Status WatchedProcess::EmptiedError() const {
  return absl::AbortedError(
      absl::StrFormat("process %d was killed for want of memory, and its memory is already taken away", pid_));
}

void WatchedProcess::Snapshot(const Occasion& occasion) {
  absl::StatusOr<CaptureSummary> summary = TrySnapshot(occasion);
  if (!summary.ok() && IsEmptied()) summary = EmptiedError();
  // Among the children of a program are some that are no Python.
  if (is_child_ && absl::IsFailedPrecondition(summary.status()) && !options_.verbose) return;
  reporter_.Report(summary);
}

absl::StatusOr<CaptureSummary> WatchedProcess::TrySnapshot(const Occasion& occasion) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LiveTarget> target, LiveTarget::Open(pid_));
  ASSIGN_OR_RETURN(const Runtime runtime, FindPython(*target));
  const proto::Reason::Kind kind = occasion.reason.kind();
  const CaptureSource source = {
      .target = *target,
      .runtime = runtime,
      .pause = [&](const auto& read) { return Pause(*target, read); },
      .rehearse = false,
      .may_look_again = kind == proto::Reason::REQUEST || kind == proto::Reason::TIMEOUT,
      .write = [&](WriteSnapshot write) { return Write(write); },
  };
  CaptureOptions options = options_.capture;
  // Where a signal hit is as often as not in native code.
  options.native |= kind == proto::Reason::SIGNAL;
  return Capture(source, occasion, redaction_, options, reporter_.NextPath(target->info()));
}

}  // namespace pysnap
