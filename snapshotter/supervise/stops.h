// The stops of traced threads, as waitid(2) reports them.
#ifndef PYSNAP_SUPERVISE_STOPS_H_
#define PYSNAP_SUPERVISE_STOPS_H_

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace pysnap {

struct Stop {
  pid_t tid = 0;
  int event = 0;   // PTRACE_EVENT_*; 0: a signal is about to be delivered
  int signal = 0;  // that, or what has stopped the process
  bool ended = false;

  // The thread has stopped with the whole process, by job control.
  bool is_group_stop() const;
};

// Looks for a stop or end of any tracee (`tid` 0) or of one; nothing when there is none at the moment. `none_left` is
// set when there is no tracee.
//
// A signal that is about to be delivered is looked at and not collected: it shows again until the thread is let go on.
// If we are killed before, the kernel delivers it. All else is collected, also SIGTRAP, by which breakpoints show and
// which must not be delivered then, and `swallowed`, a signal that the program is not to see.
std::optional<Stop> NextStop(pid_t tid, int swallowed, bool* none_left);

// Returns when something may have happened, at the latest after `patience`. SIGCHLD and HitNotice() are blocked.
// `notices` counts the latter; without it, they stay queued.
void AwaitStop(std::chrono::nanoseconds patience, int* notices = nullptr);

// The signal that tells the calling thread of a hit of a breakpoint that it has set by perf_event_open. It is queued
// before the hit shows as a stop, and also when that does not come, because the thread blocks SIGTRAP.
int HitNotice();
// The number of those that are queued, which are taken.
int TakeHitNotices();

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_STOPS_H_
