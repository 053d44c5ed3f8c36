#include "snapshotter/supervise/supervisor.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/format/output_path.h"
#include "snapshotter/process/permission.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

constexpr int kOptions = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
// How long a dying process is kept for threads that do not arrive at their end, and any process for one that does not
// stop. What the kernel kills for want of memory is emptied after some two seconds.
constexpr std::chrono::milliseconds kPatience{1000};
// How often is looked for events when the kernel's SIGCHLD was missed.
constexpr std::chrono::milliseconds kPoll{200};

bool IsGroupStop(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Returns when a child or tracee has changed its state, at the latest after `patience`.
void AwaitEvent(std::chrono::nanoseconds patience) {
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  patience = std::max(patience, std::chrono::nanoseconds(0));
  const timespec timeout = {.tv_sec = static_cast<time_t>(patience.count() / 1'000'000'000),
                            .tv_nsec = static_cast<long>(patience.count() % 1'000'000'000)};
  sigtimedwait(&child_signal, nullptr, &timeout);
}

}  // namespace

// The threads as they stand while the process is held.
class Supervisor::Held : public PausedProcess {
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

Supervisor::Supervisor(pid_t pid, SuperviseOptions options, RedactionRules redaction)
    : pid_(pid), options_(std::move(options)), redaction_(std::move(redaction)) {}

Supervisor::~Supervisor() = default;

absl::Status Supervisor::Seize() {
  if (ptrace(PTRACE_SEIZE, pid_, nullptr, kOptions) != 0) return RefusedError(pid_);
  Add(pid_);
  return absl::OkStatus();
}

void Supervisor::Run() {
  if (options_.timeout.has_value()) deadline_ = Clock::now() + *options_.timeout;
  while (true) {
    if (HandlePending()) continue;
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
    if (tid > 0) {
      Handle(tid, status);
      continue;
    }
    if (tid < 0 && errno == ECHILD) return;
    const Clock::time_point now = Clock::now();
    if (dying_.has_value() && now - dying_since_ > kPatience) OnDeath();
    if (deadline_.has_value() && now >= *deadline_) {
      deadline_.reset();
      Occasion occasion;
      occasion.reason.set_kind(proto::Reason::TIMEOUT);
      Snapshot(occasion);
      continue;
    }
    std::chrono::nanoseconds patience = kPoll;
    if (deadline_.has_value()) patience = std::min<std::chrono::nanoseconds>(patience, *deadline_ - now);
    AwaitEvent(patience);
  }
}

Supervisor::Tracee& Supervisor::Add(pid_t tid) {
  Tracee& tracee = tracees_[tid];
  tracee.tid = tid;
  return tracee;
}

void Supervisor::Handle(pid_t tid, int status) {
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    tracees_.erase(tid);
    if (dying_.has_value()) OnDeath();
    return;
  }
  if (!WIFSTOPPED(status)) return;
  // A new thread may be heard of before the one that started it.
  Tracee& tracee = Add(tid);
  tracee.stopped = true;
  OnStop(tracee, status);
}

void Supervisor::OnStop(Tracee& tracee, int status) {
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case 0:
      return OnSignal(tracee, signal);
    case PTRACE_EVENT_CLONE: {
      unsigned long child = 0;
      if (ptrace(PTRACE_GETEVENTMSG, tracee.tid, nullptr, &child) == 0) Add(static_cast<pid_t>(child));
      // The new thread starts stopped, and has inherited only the breakpoints that were there when it was made.
      const std::vector<pid_t> threads = Tids();
      traps_.OnThread(threads);
      return Continue(tracee);
    }
    case PTRACE_EVENT_EXEC:
      return OnExec(tracee);
    case PTRACE_EVENT_EXIT:
      return OnExit(tracee);
    case PTRACE_EVENT_STOP:
      if (IsGroupStop(signal)) {
        // It stays stopped until somebody continues it, and we hear of that.
        ptrace(PTRACE_LISTEN, tracee.tid, nullptr, nullptr);
        tracee.stopped = false;
        return;
      }
      return Continue(tracee);
    default:
      return Continue(tracee);
  }
}

void Supervisor::Continue(Tracee& tracee, int signal) {
  tracee.stopped = false;
  // ESRCH: it was killed meanwhile.
  ptrace(PTRACE_CONT, tracee.tid, nullptr, static_cast<intptr_t>(signal));
}

void Supervisor::OnExec(Tracee& tracee) {
  // The thread that called exec has taken the place and the id of the first; the others are gone.
  std::erase_if(tracees_, [&](const auto& each) { return each.first != tracee.tid; });
  signals_.clear();
  main_thread_raised_ = false;
  if (const absl::Status status = traps_.OnExec(tracee.tid); !status.ok()) {
    Say(absl::StrCat("on-crash: exceptions are not seen: ", std::string(status.message())));
  } else if (options_.verbose) {
    Say("trapping exceptions by perf_event breakpoints");
  }
  Continue(tracee);
}

void Supervisor::OnSignal(Tracee& tracee, int signal) {
  siginfo_t info = {};
  if (ptrace(PTRACE_GETSIGINFO, tracee.tid, nullptr, &info) != 0) return Continue(tracee, signal);
  if (HardwareBreakpoints::IsHit(info)) {
    const int64_t native_id = NativeId(tracee.tid);
    const auto exception = traps_.OnHit(tracee.tid, native_id, Tids());
    if (!exception.ok()) {
      Say(absl::StrCat("on-crash: an exception was not looked at: ", std::string(exception.status().message())));
    } else if (*exception != Occasion::Exception::kNone) {
      Occasion occasion;
      occasion.reason.set_kind(proto::Reason::EXCEPTION);
      occasion.reason.set_native_id(native_id);
      occasion.exception = *exception;
      Snapshot(occasion);
      if (tracee.tid == pid_) main_thread_raised_ = true;
    }
    return Continue(tracee);
  }
  if (signal == options_.request_signal) {
    Occasion occasion;
    occasion.reason.set_kind(proto::Reason::REQUEST);
    occasion.reason.set_signal(signal);
    occasion.reason.set_native_id(NativeId(tracee.tid));
    Snapshot(occasion);
    return Continue(tracee);
  }
  // A handler may end the process by the same signal once more; where it came from is told by the first. A fault is a
  // new beginning.
  if (IsFault(info) || !signals_.contains(signal) || !IsFault(signals_[signal].info)) {
    signals_[signal] = {.info = info, .native_id = NativeId(tracee.tid)};
  }
  Continue(tracee, signal);
}

void Supervisor::OnExit(Tracee& tracee) {
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, tracee.tid, nullptr, &message) != 0) return Continue(tracee);
  const int status = static_cast<int>(message);
  if (!dying_.has_value()) {
    if (!IsOwnCrash(status)) return Continue(tracee);
    dying_ = status;
    dying_since_ = Clock::now();
  }
  tracee.exit_status = status;
  OnDeath();
}

bool Supervisor::IsOwnCrash(int status) const {
  if (ended_ || !IsCrash(status, options_.all_exits)) return false;
  // Python exits with 1 then, and after KeyboardInterrupt by SIGINT (exit_sigint, Modules/main.c).
  const bool follows = WIFEXITED(status) || WTERMSIG(status) == SIGINT;
  return !(main_thread_raised_ && follows);
}

// All threads of a process that dies come to their end, each by itself. When the last has, it stands still whole.
void Supervisor::OnDeath() {
  const auto arrived = [](const auto& each) { return each.second.exit_status.has_value(); };
  const bool late = Clock::now() - dying_since_ > kPatience;
  if (!late && !std::all_of(tracees_.begin(), tracees_.end(), arrived)) return;
  const int status = *std::exchange(dying_, std::nullopt);
  ended_ = true;
  std::optional<SeenSignal> seen;
  if (WIFSIGNALED(status)) {
    if (const auto it = signals_.find(WTERMSIG(status)); it != signals_.end()) seen = it->second;
  }
  Snapshot(DeathOccasion(status, seen));
  for (auto& [tid, tracee] : tracees_) {
    if (tracee.exit_status.has_value()) Continue(tracee);
  }
}

void Supervisor::Hold() {
  const Clock::time_point begin = Clock::now();
  for (auto& [tid, tracee] : tracees_) {
    if (!tracee.stopped) ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
  }
  const auto moving = [](const auto& each) { return !each.second.stopped; };
  while (std::any_of(tracees_.begin(), tracees_.end(), moving) && Clock::now() - begin < kPatience) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
    if (tid == 0) {
      AwaitEvent(std::chrono::milliseconds(1));
      continue;
    }
    if (tid < 0) return;
    if (!WIFSTOPPED(status)) {
      tracees_.erase(tid);
      continue;
    }
    Tracee& tracee = Add(tid);
    tracee.stopped = true;
    tracee.pending = status;
    // It is not stopped before the one that it has started is.
    if (status >> 16 == PTRACE_EVENT_CLONE) {
      unsigned long child = 0;
      if (ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &child) == 0) Add(static_cast<pid_t>(child));
    }
  }
}

void Supervisor::Release() {
  for (auto& [tid, tracee] : tracees_) {
    if (!tracee.pending.has_value()) continue;
    const int status = *tracee.pending;
    if (status >> 16 != PTRACE_EVENT_STOP || IsGroupStop(WSTOPSIG(status))) continue;
    tracee.pending.reset();
    Continue(tracee);
  }
}

bool Supervisor::HandlePending() {
  for (auto& [tid, tracee] : tracees_) {
    if (!tracee.pending.has_value()) continue;
    OnStop(tracee, *std::exchange(tracee.pending, std::nullopt));
    return true;
  }
  return false;
}

std::vector<pid_t> Supervisor::Tids() const {
  std::vector<pid_t> tids;
  for (const auto& [tid, tracee] : tracees_) tids.push_back(tid);
  return tids;
}

int64_t Supervisor::NativeId(pid_t tid) const {
  const auto status = ReadFileAt(AT_FDCWD, absl::StrFormat("/proc/%d/task/%d/status", pid_, tid).c_str(), 65536);
  if (!status.ok()) return tid;
  // The last of the ids is the one in the thread's own namespace.
  const absl::string_view ids = StatusField(*status, "NSpid");
  const size_t space = ids.find_last_of(" \t");
  int64_t native = tid;
  const absl::string_view last = space == absl::string_view::npos ? ids : ids.substr(space + 1);
  return absl::SimpleAtoi(last, &native) ? native : tid;
}

void Supervisor::Snapshot(const Occasion& occasion) {
  const absl::StatusOr<CaptureSummary> summary = TrySnapshot(occasion);
  if (!summary.ok()) {
    Say(absl::StrCat("on-crash: ", std::string(summary.status().message())));
  } else if (!options_.quiet) {
    Say(absl::StrFormat("wrote %s (%d threads, %d objects)", summary->path, summary->threads, summary->objects));
  }
}

absl::StatusOr<CaptureSummary> Supervisor::TrySnapshot(const Occasion& occasion) {
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
  return Capture(source, occasion, redaction_, options, NextPath(target->info()));
}

std::string Supervisor::NextPath(const ProcessInfo& info) {
  const std::string path = OutputPath(options_.capture.output, ProgramName(info), pid_, absl::Now());
  ++snapshots_;
  if (snapshots_ == 1) return path;
  // A further one must not take the place of the first.
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  const bool has_extension = dot != std::string::npos && (slash == std::string::npos || dot > slash + 1) && dot > 0;
  const std::string number = absl::StrCat("-", snapshots_);
  return has_extension ? path.substr(0, dot) + number + path.substr(dot) : path + number;
}

void Supervisor::Say(absl::string_view text) const {
  std::string line = absl::StrCat("pysnap: ", text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  line += '\n';
  // One write: the program may be writing, too.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace pysnap
