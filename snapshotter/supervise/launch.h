// Puts the calling process under the eyes of another one that nobody notices.
#ifndef PYSNAP_SUPERVISE_LAUNCH_H_
#define PYSNAP_SUPERVISE_LAUNCH_H_

#include <sys/types.h>

#include <functional>

#include "absl/status/status.h"

namespace pysnap {

// Starts a process that attaches to the calling one by `seize` and then follows it with `run`, which both are called
// there. Returns when that has attached, or with why it has not.
//
// It is the caller that becomes the program to be watched, by exec: its process id, parent, terminal, signals, limits
// and exit are the program's own, and nothing has to be passed on. The other one is no child of it (but where orphans
// come to it, as PID 1 or as a subreaper: there it is one that plain wait() does not see), is in a session of its own,
// has no descriptor of it open but stderr, and takes no signal that can be blocked.
//
// With `guard`, there is one more process, the parent of that which watches: it calls `guard` when that was killed.
absl::Status WatchMe(const std::function<absl::Status(pid_t)>& seize,
                     const std::function<void()>& run,
                     const std::function<void(pid_t)>& guard);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_LAUNCH_H_
