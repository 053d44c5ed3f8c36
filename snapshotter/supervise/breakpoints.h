// Breakpoints that stop a traced thread without a change to its code: there are four at most in a thread.
#ifndef PYSNAP_SUPERVISE_BREAKPOINTS_H_
#define PYSNAP_SUPERVISE_BREAKPOINTS_H_

#include <signal.h>
#include <sys/types.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"

namespace pysnap {

// A hit sends SIGTRAP to the thread before the instruction, which shows as a signal-delivery-stop; when the signal is
// dropped there and OnHit called, the thread goes on behind the breakpoint.
class Breakpoints {
 public:
  virtual ~Breakpoints() = default;

  // Sets one in these threads of a process. PermissionDenied, with what to do about it, when the kernel refuses;
  // ResourceExhausted when all four are in use; Unimplemented where there is none.
  virtual absl::Status Set(absl::Span<const pid_t> threads, Address address) = 0;
  // Removes one from these threads, which were all the process had when it was set or have been started since.
  virtual void Remove(absl::Span<const pid_t> threads, Address address) = 0;
  // The process has called exec, which has removed all.
  virtual void Clear() = 0;
  // A new thread has come to its first stop.
  virtual void OnNewThread(pid_t tid) = 0;
  // A thread has stopped at a hit.
  virtual void OnHit(pid_t tid) = 0;
  // A thread that stands still loses its breakpoints and gets them back, where they would kill it if it were let go
  // when we are gone.
  virtual void Disarm(pid_t tid) { (void)tid; }
  virtual void Arm(pid_t tid) { (void)tid; }
  // As Disarm and Arm, of all threads at once, which all stand still: where the breakpoints would not go before the
  // threads do when we are gone, because another process shares them.
  virtual void Suspend() {}
  virtual void Resume() {}
  // Whether a SIGTRAP comes from such a breakpoint, of whomever.
  virtual bool IsHit(const siginfo_t& info) const = 0;
};

enum class BreakpointKind {
  // Of perf_event_open with `sigtrap` (Linux 5.13 on). They belong to file descriptors of ours: when we are gone, so
  // are they, and the target runs on. Where a thread blocks SIGTRAP, its hits do not stop it: the signal waits, and is
  // told of by HitNotice().
  kPerfEvents,
  // The debug registers, written by ptrace. They stay when we are gone, and then kill what runs into them: somebody has
  // to clear them (ClearDebugRegisters). A hit unblocks SIGTRAP.
  kDebugRegisters,
};

// The kind for a program that this process becomes: perf events if it may use them and does not block SIGTRAP.
BreakpointKind UsableBreakpoints();
const char* NameOf(BreakpointKind kind);
std::unique_ptr<Breakpoints> NewBreakpoints(BreakpointKind kind);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_BREAKPOINTS_H_
