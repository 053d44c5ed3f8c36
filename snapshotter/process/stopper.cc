#include "snapshotter/process/stopper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/permission.h"
#include "snapshotter/process/proc_files.h"
#include "snapshotter/process/realtime.h"

namespace pysnap {
namespace {

// A process that starts threads faster than they can be attached to is given up after so many rounds.
constexpr int kMaxRounds = 1000;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Stopper::Stopper(const LiveTarget& target, const PauseOptions& options)
    : pid_(target.pid()),
      proc_dir_(target.proc_dir()),
      same_pid_namespace_(target.same_pid_namespace()),
      options_(options) {}

Stopper::~Stopper() { Release(); }

absl::Status Stopper::Stop() {
  const absl::Status status = StopAll();
  if (!status.ok()) {
    Release();
    threads_.clear();
    return absl::IsNotFound(status) ? absl::NotFoundError(absl::StrFormat("process %d has ended", pid_)) : status;
  }
  return status;
}

absl::Status Stopper::StopAll() {
  RETURN_IF_ERROR(OpenTaskDir());
  // Attaching takes as long as stopping does, and nobody has to stand still for it. From here on, however, a signal
  // stops the thread that gets it: no work is done in between.
  RETURN_IF_ERROR(SeizeNew().status());
  start_ns_ = NowNs();
  const RealtimeGuard realtime;
  for (int round = 0; round < kMaxRounds; ++round) {
    const Clock::time_point begin = Clock::now();
    for (size_t i = 0; i < tracees_.size(); ++i) Interrupt(i);
    for (size_t i = 0; i < tracees_.size(); ++i) AwaitStop(i, begin);
    // A thread that was starting another one has finished doing so before it stopped: the list is complete when it
    // holds nothing new.
    const bool ended = thread_ended_;
    thread_ended_ = false;
    ASSIGN_OR_RETURN(const bool more, SeizeNew());
    if (more || ended || thread_ended_ || !ListedAll()) continue;
    const auto alive = [](const Tracee& tracee) { return tracee.state != Tracee::kGone; };
    if (!std::any_of(tracees_.begin(), tracees_.end(), alive)) return absl::NotFoundError("no thread is left");
    return absl::OkStatus();
  }
  return absl::AbortedError(absl::StrFormat("process %d starts threads faster than they can be stopped", pid_));
}

absl::Status Stopper::OpenTaskDir() {
  task_dir_.reset(openat(proc_dir_, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return task_dir_.ok() ? absl::OkStatus() : ProcError(errno, "task");
}

absl::Status Stopper::StopOne(pid_t tid) {
  RETURN_IF_ERROR(OpenTaskDir());
  RETURN_IF_ERROR(Seize(tid));
  Add(tid);
  start_ns_ = NowNs();
  const RealtimeGuard realtime;
  Interrupt(0);
  AwaitStop(0, Clock::now());
  return absl::OkStatus();
}

void Stopper::Add(pid_t tid) {
  index_.emplace(tid, threads_.size());
  threads_.push_back({.thread = ReadKernelThread(task_dir_.get(), tid, same_pid_namespace_),
                      .stopped = false,
                      .reason = "it was not told to stop"});
  tracees_.emplace_back();
}

// The kernel walks the threads by position: one that ends meanwhile makes it skip another. Its count (the links of the
// folder, less "." and "..": proc_task_getattr, fs/proc/base.c) tells whether that has happened.
bool Stopper::ListedAll() const {
  constexpr size_t kOwnLinks = 2;
  struct stat status;
  return fstat(task_dir_.get(), &status) != 0 || status.st_nlink < kOwnLinks ||
         tids_.size() >= status.st_nlink - kOwnLinks;
}

absl::StatusOr<bool> Stopper::SeizeNew() {
  RETURN_IF_ERROR(ListTids(task_dir_.get(), tids_));
  bool any = false;
  for (const pid_t tid : tids_) {
    const auto known = index_.find(tid);
    if (known != index_.end() && tracees_[known->second].state != Tracee::kGone) continue;
    const absl::Status status = Seize(tid);
    if (absl::IsNotFound(status)) {
      // It ended after it was listed, or long ago, if it is a first thread that others have outlived.
      if (ended_.insert(tid).second) thread_ended_ = true;
      continue;
    }
    RETURN_IF_ERROR(status);
    any = true;
    if (known != index_.end()) {
      tracees_[known->second] = Tracee();
    } else {
      Add(tid);
    }
  }
  return any;
}

absl::Status Stopper::Seize(pid_t tid) {
  // No option is set. In particular none that kills the target with us.
  if (ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0) return absl::OkStatus();
  if (errno == ESRCH) return absl::NotFoundError("it has ended");
  return SeizeError(tid, errno);
}

absl::Status Stopper::SeizeError(pid_t tid, int error) {
  if (error != EPERM) return ProcError(error, absl::StrFormat("attaching to thread %d", tid));
  const auto status = ReadFileAt(task_dir_.get(), absl::StrFormat("%d/status", tid).c_str(), 65536);
  if (absl::IsNotFound(status.status())) return status.status();
  if (!status.ok()) return RefusedError(pid_);
  const absl::string_view state = StatusField(*status, "State");
  if (!state.empty() && (state[0] == 'Z' || state[0] == 'X')) return absl::NotFoundError("it has ended");
  pid_t tracer = 0;
  if (absl::SimpleAtoi(StatusField(*status, "TracerPid"), &tracer) && tracer != 0) {
    // A thread that called exec took the place, and the id, of the first one.
    if (tracer == static_cast<pid_t>(syscall(SYS_gettid))) return absl::OkStatus();
    std::string name;
    if (auto comm = ReadFileAt(AT_FDCWD, absl::StrFormat("/proc/%d/comm", tracer).c_str(), 64); comm.ok()) {
      name = comm->substr(0, comm->find('\n'));
    }
    if (name == kWatcherName) {
      return absl::PermissionDeniedError(
          absl::StrFormat("process %d is watched by `pysnap on-crash`, which takes such a snapshot itself when it is "
                          "started with --on-signal SIG or --timeout SECONDS",
                          pid_));
    }
    return absl::PermissionDeniedError(absl::StrFormat(
        "process %d is being traced by process %d (%s): end that one, or let it detach, first", pid_, tracer, name));
  }
  return RefusedError(pid_);
}

void Stopper::Interrupt(size_t i) {
  if (tracees_[i].state != Tracee::kSeized) return;
  if (ptrace(PTRACE_INTERRUPT, threads_[i].thread.tid, nullptr, nullptr) == 0) {
    tracees_[i].state = Tracee::kInterrupted;
  } else {
    tracees_[i].state = Tracee::kGone;
    thread_ended_ = true;
  }
}

bool Stopper::CheckStopped(size_t i) {
  siginfo_t info;
  info.si_pid = 0;
  const pid_t tid = threads_[i].thread.tid;
  // The state is looked at and not taken (WNOWAIT): if we are killed, the kernel then still knows of the signal which
  // a thread was stopped with, and delivers it.
  if (waitid(P_PID, static_cast<id_t>(tid), &info, WSTOPPED | WEXITED | __WALL | WNOWAIT | WNOHANG) != 0) {
    if (errno == EINTR) return false;
    info.si_pid = tid;
    info.si_code = CLD_EXITED;
  }
  if (info.si_pid == 0) return false;
  Tracee& tracee = tracees_[i];
  if (info.si_code != CLD_TRAPPED) {
    tracee.state = Tracee::kGone;
    thread_ended_ = true;
    threads_[i].stopped = false;
    threads_[i].reason = "it has ended";
    return true;
  }
  tracee.state = Tracee::kStopped;
  // PTRACE_EVENT_STOP is our interruption, or that the whole process is stopped by a signal, and is to stay so.
  // Without an event it is the delivery of a signal.
  const int event = info.si_status >> 8;
  tracee.signal = event == 0 ? info.si_status : 0;
  tracee.group_stop = event == PTRACE_EVENT_STOP && (info.si_status & 0xff) != SIGTRAP;
  threads_[i].stopped = true;
  threads_[i].reason.clear();
  return true;
}

void Stopper::AwaitStop(size_t i, Clock::time_point begin) {
  if (tracees_[i].state != Tracee::kInterrupted) return;
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  // The kernel sends SIGCHLD when a thread stops, unless it was told to ignore it before pysnap was started.
  std::chrono::nanoseconds patience = std::chrono::microseconds(50);
  while (!CheckStopped(i)) {
    const Clock::duration waited = Clock::now() - begin;
    const pid_t tid = threads_[i].thread.tid;
    if (waited >= options_.uninterruptible_wait) {
      const auto stat = ReadFileAt(task_dir_.get(), absl::StrFormat("%d/stat", tid).c_str(), 4096);
      const size_t name_end = stat.ok() ? stat->rfind(')') : std::string::npos;
      if (name_end != std::string::npos && absl::string_view(*stat).substr(name_end, 3) == ") D") {
        threads_[i].reason =
            "it is in the kernel and cannot be interrupted (state D); it runs no code of the program before it is "
            "released";
        return;
      }
    }
    if (waited >= options_.wait) {
      threads_[i].reason = absl::StrFormat("it did not stop within %d ms", options_.wait.count());
      return;
    }
    const timespec timeout = {.tv_sec = 0, .tv_nsec = static_cast<long>(patience.count())};
    sigtimedwait(&child_signal, nullptr, &timeout);
    patience = std::min<std::chrono::nanoseconds>(patience * 2, std::chrono::milliseconds(2));
  }
}

void Stopper::Release() {
  if (released_) return;
  released_ = true;
  const RealtimeGuard realtime;
  for (size_t i = 0; i < tracees_.size(); ++i) {
    // One that was still on its way when it was given up may have arrived.
    if (tracees_[i].state == Tracee::kInterrupted || tracees_[i].state == Tracee::kSeized) {
      const PausedThread as_it_was = threads_[i];
      CheckStopped(i);
      threads_[i] = as_it_was;
    }
    if (tracees_[i].state != Tracee::kStopped) continue;
    ptrace(PTRACE_DETACH, threads_[i].thread.tid, nullptr, static_cast<intptr_t>(tracees_[i].signal));
    tracees_[i].state = Tracee::kGone;
  }
  end_ns_ = NowNs();
}

std::vector<pid_t> Stopper::QuietThreads() const {
  std::vector<pid_t> tids;
  for (size_t i = 0; i < tracees_.size(); ++i) {
    const Tracee& tracee = tracees_[i];
    if (tracee.state == Tracee::kStopped && tracee.signal == 0 && !tracee.group_stop) {
      tids.push_back(threads_[i].thread.tid);
    }
  }
  return tids;
}

absl::StatusOr<Registers> Stopper::ReadRegisters(pid_t tid) {
  const auto found = index_.find(tid);
  if (found == index_.end()) return absl::NotFoundError(absl::StrFormat("there is no thread %d", tid));
  if (tracees_[found->second].state != Tracee::kStopped) {
    return absl::FailedPreconditionError(absl::StrFormat("thread %d is not stopped", tid));
  }
  return ReadThreadRegisters(tid);
}

}  // namespace pysnap
