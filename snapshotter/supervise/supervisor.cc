#include "snapshotter/supervise/supervisor.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "snapshotter/process/permission.h"
#include "snapshotter/process/proc_files.h"
#include "snapshotter/process/realtime.h"
#include "snapshotter/supervise/adaptive_spin.h"

namespace pysnap {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long kOptions = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
constexpr long kForkOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
// How often is looked for what no event tells.
constexpr std::chrono::milliseconds kPoll{200};
constexpr std::chrono::hours kForever{24};
// Within that time the next stop often comes, as of a thread that starts, and ends.
constexpr std::chrono::microseconds kSoon{60};
// How long a thread that has run into a breakpoint may take to stop, before it is looked for, and how long it is looked
// for, less and less often: its signal comes after the notice, which on a busy machine may be much later.
constexpr std::chrono::milliseconds kHitDelay{1};
constexpr std::chrono::seconds kHitPatience{10};

// A number in the status file of a thread, or `otherwise`.
pid_t StatusNumber(pid_t tid, const char* field, pid_t otherwise) {
  const auto status = ReadFileAt(AT_FDCWD, absl::StrFormat("/proc/%d/status", tid).c_str(), 65536);
  pid_t number = 0;
  return status.ok() && absl::SimpleAtoi(StatusField(*status, field), &number) ? number : otherwise;
}

bool HasOtherProcessors() {
  cpu_set_t processors;
  return sched_getaffinity(0, sizeof(processors), &processors) == 0 && CPU_COUNT(&processors) > 1;
}

// Whether a thread belongs to a process, for a fraction of what it takes to read that in /proc.
bool IsThreadOf(pid_t pid, pid_t tid) { return tgkill(pid, tid, 0) == 0 || errno != ESRCH; }

}  // namespace

Supervisor::Supervisor(pid_t pid, SuperviseOptions options, RedactionRules redaction)
    : pid_(pid),
      options_(std::move(options)),
      redaction_(std::move(redaction)),
      writer_(MakeWriter()),
      reporter_(options_.capture.output, options_.quiet) {}

absl::Status Supervisor::Seize() {
  const long options = kOptions | (options_.follow_forks ? kForkOptions : 0);
  if (ptrace(PTRACE_SEIZE, pid_, nullptr, options) != 0) return RefusedError(pid_);
  AddProcess(pid_).Add(pid_);
  return absl::OkStatus();
}

void Supervisor::Run() {
  // Little is done here, and every bit of it while a thread waits. What takes long is done in other processes.
  const RealtimeGuard realtime;
  if (options_.timeout.has_value()) deadline_ = Clock::now() + *options_.timeout;
  AdaptiveSpin spin(kSoon, HasOtherProcessors());
  while (true) {
    if (HandlePending()) continue;
    bool none_left = false;
    if (const std::optional<Stop> stop = NextStop(0, options_.request_signal, &none_left)) {
      spin.OnEvent();
      Handle(*stop);
      continue;
    }
    if (none_left) return;
    if (spin.Again(Clock::now())) continue;
    std::chrono::nanoseconds patience = OnNotices();
    for (const auto& [pid, process] : processes_) {
      process->OnTime();
      if (process->needs_time()) patience = std::min<std::chrono::nanoseconds>(patience, kPoll);
    }
    if (deadline_.has_value()) {
      const Clock::time_point now = Clock::now();
      if (now >= *deadline_) {
        OnDeadline();
        continue;
      }
      patience = std::min<std::chrono::nanoseconds>(patience, *deadline_ - now);
    }
    AwaitStop(patience, &notices_);
  }
}

std::chrono::nanoseconds Supervisor::OnNotices() {
  // The notice of a hit is there before its stop is.
  if (notices_ < 0) notices_ = std::max(0, notices_ + TakeHitNotices());
  if (notices_ == 0) {
    next_look_.reset();
    return kForever;
  }
  const Clock::time_point now = Clock::now();
  if (!next_look_.has_value() || notices_ > notices_looked_for_) {
    next_look_ = std::min(next_look_.value_or(Clock::time_point::max()), now + kHitDelay);
    look_delay_ = kHitDelay;
  }
  notices_looked_for_ = notices_;
  if (now < *next_look_) return *next_look_ - now;
  for (const auto& [pid, process] : processes_) notices_ -= process->DropBlockedHits();
  look_delay_ *= 2;
  if (look_delay_ > kHitPatience) notices_ = 0;
  notices_ = notices_looked_for_ = std::max(0, notices_);
  next_look_ = now + look_delay_;
  return std::chrono::nanoseconds(0);
}

WriterProcess Supervisor::MakeWriter() {
  const auto for_all = [this](void (WatchedProcess::*act)()) {
    for (const auto& [pid, process] : processes_) (*process.*act)();
  };
  return WriterProcess([for_all] { for_all(&WatchedProcess::LetGoOfTraps); },
                       [for_all] { for_all(&WatchedProcess::CollectStops); });
}

WatchedProcess& Supervisor::AddProcess(pid_t pid) {
  std::unique_ptr<WatchedProcess>& process = processes_[pid];
  if (process == nullptr) {
    process = std::make_unique<WatchedProcess>(pid, options_, redaction_, finder_, writer_, reporter_);
  }
  return *process;
}

WatchedProcess& Supervisor::ProcessOf(pid_t tid) {
  for (const auto& [pid, process] : processes_) {
    if (process->Has(tid)) return *process;
  }
  // A new thread may come to its first stop before the one that has started it.
  for (const auto& [pid, process] : processes_) {
    if (IsThreadOf(pid, tid)) return *process;
  }
  const pid_t pid = StatusNumber(tid, "Tgid", tid);
  const bool known = processes_.count(pid) != 0;
  WatchedProcess& process = AddProcess(pid);
  const auto parent = processes_.find(StatusNumber(tid, "PPid", 0));
  if (!known && parent != processes_.end()) process.StartAsCopy(*parent->second);
  return process;
}

void Supervisor::Handle(const Stop& stop) {
  WatchedProcess& process = ProcessOf(stop.tid);
  if (stop.ended) {
    process.OnEnd(stop.tid);
    if (!process.empty()) return;
    // Children that have left the program behind, as daemons do, are not what its user waits for.
    if (process.pid() == pid_) reporter_.LetGo();
    processes_.erase(process.pid());
    return;
  }
  const WatchedProcess::Outcome outcome = process.OnStop(stop);
  if (outcome.hit) --notices_;
  // One that was heard of before may have called exec by now.
  const std::optional<pid_t> child = outcome.child;
  if (child.has_value() && processes_.count(*child) == 0) AddProcess(*child).StartAsCopy(process);
}

bool Supervisor::HandlePending() {
  for (const auto& [pid, process] : processes_) {
    if (const std::optional<Stop> stop = process->TakePending()) {
      Handle(*stop);
      return true;
    }
  }
  return false;
}

void Supervisor::OnDeadline() {
  deadline_.reset();
  for (const auto& [pid, process] : processes_) {
    Occasion occasion;
    occasion.reason.set_kind(proto::Reason::TIMEOUT);
    process->Snapshot(occasion);
  }
}

}  // namespace pysnap
