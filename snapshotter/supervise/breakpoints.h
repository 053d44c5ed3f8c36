// Breakpoints that stop a traced thread without a change to its code.
//
//   HardwareBreakpoints breakpoints;
//   RETURN_IF_ERROR(breakpoints.Set(tid, address));
//   … the thread stops with SIGTRAP; IsHit(info) …
#ifndef PYSNAP_SUPERVISE_BREAKPOINTS_H_
#define PYSNAP_SUPERVISE_BREAKPOINTS_H_

#include <signal.h>
#include <sys/types.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/base/unique_fd.h"

namespace pysnap {

// Breakpoints of perf_event_open with `sigtrap` (Linux 5.13 on). They belong to file descriptors of ours: when we are
// gone, so are they, and the target runs on. A hit sends SIGTRAP to the thread before the instruction, which shows as a
// signal-delivery-stop; when the signal is dropped there, the thread goes on behind the breakpoint. There are four at
// most in a thread (debug registers).
class HardwareBreakpoints {
 public:
  // Sets one in the thread and in those that it will start. PermissionDenied, with what to do about it, when the kernel
  // refuses; ResourceExhausted when all four are in use; Unimplemented where the kernel does not have them.
  absl::Status Set(pid_t tid, Address address);
  // Removes one from all threads.
  void Remove(Address address);
  // Removes all. To be called at exec, too: the kernel has removed them from the target by then, and still counts them.
  void Clear() { set_.clear(); }

  // Whether a SIGTRAP comes from such a breakpoint, of whomever.
  static bool IsHit(const siginfo_t& info);

 private:
  std::vector<std::pair<Address, UniqueFd>> set_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_BREAKPOINTS_H_
