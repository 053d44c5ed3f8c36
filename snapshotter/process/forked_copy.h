// Reads a copy-on-write copy of a process, made by the kernel while it stands still for a moment: --pause fork.
#ifndef PYSNAP_PROCESS_FORKED_COPY_H_
#define PYSNAP_PROCESS_FORKED_COPY_H_

#include <functional>

#include "absl/status/statusor.h"
#include "snapshotter/process/pause.h"

namespace pysnap {

// As PauseAndRead, for PauseMode::kFork. One thread of the target is made to call clone(2) and, when the copy has been
// read, wait4(2), which leaves no trace of it. While it does so its registers are not its own. Because the end of its
// tracer would then lead it astray, the tracer is a process by itself, that goes on to the end when pysnap is killed.
//
// Aborted when that cannot be done with this process: under a seccomp filter, which may kill it for the call, when it
// is stopped by a signal, or when the kernel refuses the copy. Not in the copy: memory shared with other processes is
// read as it is by then, and what MADV_DONTFORK and MADV_WIPEONFORK exclude is unreadable or zero.
absl::StatusOr<PauseReport> ReadForkedCopy(LiveTarget& target,
                                           const PauseOptions& options,
                                           const std::function<void(PausedProcess&)>& read);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_FORKED_COPY_H_
