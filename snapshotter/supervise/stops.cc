#include "snapshotter/supervise/stops.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

namespace pysnap {
namespace {

// One of the signals, which are blocked; -1 when none came in time.
int TakeSignal(const sigset_t& signals, std::chrono::nanoseconds patience) {
  patience = std::max(patience, std::chrono::nanoseconds(0));
  const timespec timeout = {.tv_sec = static_cast<time_t>(patience.count() / 1'000'000'000),
                            .tv_nsec = static_cast<long>(patience.count() % 1'000'000'000)};
  return sigtimedwait(&signals, nullptr, &timeout);
}

}  // namespace

bool Stop::is_group_stop() const {
  return event == PTRACE_EVENT_STOP &&
         (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU);
}

std::optional<Stop> NextStop(pid_t tid, int swallowed, bool* none_left) {
  siginfo_t info = {};
  const idtype_t which = tid != 0 ? P_PID : P_ALL;
  const int options = WSTOPPED | WEXITED | __WALL | WNOWAIT | WNOHANG;
  if (waitid(which, static_cast<id_t>(tid), &info, options) != 0) {
    if (none_left != nullptr) *none_left = errno == ECHILD;
    return std::nullopt;
  }
  if (info.si_pid == 0) return std::nullopt;
  Stop stop;
  stop.tid = info.si_pid;
  stop.ended = info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED;
  if (!stop.ended) {
    stop.event = info.si_status >> 8;
    stop.signal = info.si_status & 0xff;
  }
  const bool collect = stop.ended || stop.event != 0 || stop.signal == SIGTRAP || stop.signal == swallowed;
  if (collect) waitpid(stop.tid, nullptr, __WALL | WNOHANG);
  return stop;
}

void AwaitStop(std::chrono::nanoseconds patience, int* notices) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  if (notices != nullptr) sigaddset(&signals, HitNotice());
  if (TakeSignal(signals, patience) == HitNotice()) ++*notices;
}

int HitNotice() { return SIGRTMIN; }

int TakeHitNotices() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, HitNotice());
  int count = 0;
  while (TakeSignal(signals, std::chrono::nanoseconds(0)) == HitNotice()) ++count;
  return count;
}

}  // namespace pysnap
