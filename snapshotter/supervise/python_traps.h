// The breakpoints in one process, from its exec on.
#ifndef PYSNAP_SUPERVISE_PYTHON_TRAPS_H_
#define PYSNAP_SUPERVISE_PYTHON_TRAPS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "snapshotter/capture/occasion.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/supervise/breakpoints.h"
#include "snapshotter/supervise/trap_points.h"
#include "snapshotter/supervise/triggers/unhandled_exception.h"

namespace pysnap {

// Waits until CPython is mapped, and sets traps where it reports exceptions: at the program's entry point if it is
// linked to it, else when the dynamic loader brings it. All threads that are passed are stopped.
class PythonTraps {
 public:
  explicit PythonTraps(BreakpointKind kind) : kind_(kind), breakpoints_(NewBreakpoints(kind)) {}

  // The process has called exec, and `tid` is its only thread. From an error on there are no traps in this program.
  absl::Status OnExec(pid_t tid);
  // The process is a copy of the one that `parent` belongs to, and `tid` is its only thread.
  void StartAsCopy(const PythonTraps& parent, pid_t tid);
  // Some traps are set when a thread was started, and are not yet.
  bool WaitsForThread() const { return !thread_hook_.has_value() && !points_.empty(); }
  // For that, all threads have to be stopped.
  bool NeedsStoppedThreads() const { return breakpoints_->needs_stopped_threads(); }
  // A thread was started; `threads` are all there are.
  void OnThread(absl::Span<const pid_t> threads);
  // A new thread has come to its first stop.
  void OnNewThread(pid_t tid) { breakpoints_->OnNewThread(tid); }
  // Whether a signal tells of one of these breakpoints.
  bool IsHit(const siginfo_t& info) const { return breakpoints_->IsHit(info); }
  // A thread has run into a breakpoint. kNone: it is to go on.
  absl::StatusOr<Occasion::Exception> OnHit(pid_t tid, int64_t native_id, absl::Span<const pid_t> threads);

 private:
  absl::StatusOr<Occasion::Exception> OnPoint(TrapPoint::Kind kind, int64_t native_id, const Registers& registers);
  absl::Status OnEntry(pid_t tid);
  absl::Status OnLoaded(absl::Span<const pid_t> threads);
  absl::Status Arm(absl::Span<const pid_t> threads, TrapPoint point);
  void Disarm(absl::Span<const pid_t> threads, TrapPoint::Kind kind);
  // After a constructor was trapped too often for nothing.
  void UseThreadHook(absl::Span<const pid_t> threads);
  absl::StatusOr<const Runtime*> FindRuntime();

  pid_t pid_ = 0;
  BreakpointKind kind_;
  std::unique_ptr<Breakpoints> breakpoints_;
  std::unique_ptr<LiveTarget> target_;
  std::optional<Runtime> runtime_;
  Address entry_;
  Address loader_;
  std::vector<TrapPoint> points_;
  std::optional<ThreadHook> thread_hook_;
  int vain_constructions_ = 0;
  UnhandledException trigger_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_PYTHON_TRAPS_H_
