// The breakpoints in one process, from its exec on.
#ifndef PYSNAP_SUPERVISE_PYTHON_TRAPS_H_
#define PYSNAP_SUPERVISE_PYTHON_TRAPS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/supervise/breakpoints.h"
#include "snapshotter/supervise/loader.h"
#include "snapshotter/supervise/trap_points.h"
#include "snapshotter/supervise/triggers/unhandled_exception.h"

namespace pysnap {

// Waits until CPython is mapped, and sets traps where it reports exceptions: at the program's entry point if it is
// linked to it, else when the dynamic loader brings it. Those for threads are set with the first thread, that for
// asyncio when its module is there: there are only four at a time. In a program that has started up, none of them is
// passed by what programs usually do: each hit is a moment at which it must not lose its watcher.
class PythonTraps {
 public:
  // `exits`: where the interpreter ends is wanted, too. `finder` outlives it.
  PythonTraps(BreakpointKind kind, bool exits, TrapFinder& finder)
      : kind_(kind), exits_(exits), finder_(&finder), breakpoints_(NewBreakpoints(kind)) {}

  // The process has called exec, and `tid` is its only thread. From an error on there are no traps in this program.
  absl::Status OnExec(pid_t tid);
  // The process is a copy of the one that `parent` belongs to, and `tid` is its only thread.
  void StartAsCopy(const PythonTraps& parent, pid_t tid);
  // A thread was started.
  void OnThread();
  // A new thread has come to its first stop.
  void OnNewThread(pid_t tid) { breakpoints_->OnNewThread(tid); }
  // In a copy of this process: what holds the breakpoints is let go of here.
  void LetGo() { breakpoints_->Clear(); }
  // As of Breakpoints.
  void Disarm(pid_t tid) { breakpoints_->Disarm(tid); }
  void Arm(pid_t tid) { breakpoints_->Arm(tid); }
  void Suspend() { breakpoints_->Suspend(); }
  void Resume() { breakpoints_->Resume(); }
  // Whether a signal tells of one of these breakpoints.
  bool IsHit(const siginfo_t& info) const { return breakpoints_->IsHit(info); }
  // A thread has run into a breakpoint. `native_id` is as the target sees it, and takes a while to find out.
  absl::StatusOr<Finding> OnHit(pid_t tid, absl::FunctionRef<int64_t()> native_id);

  // Other breakpoints are wanted by now than are set.
  bool HasChanges() const { return has_changes_; }
  // Sets and removes them. `threads` are all, and stopped. The error is of those without which no exception of the main
  // thread is seen.
  absl::Status Change(absl::Span<const pid_t> threads);
  // What is not watched for, and why: sentences, each returned once.
  std::vector<std::string> TakeNotes() { return std::exchange(notes_, {}); }

 private:
  using Kind = TrapPoint::Kind;

  absl::StatusOr<Finding> OnPoint(Kind kind, int64_t native_id, const Registers& registers);
  // Looks for what may have been loaded by now.
  absl::Status Search();
  absl::Status OnLoaderHook();
  absl::Status OnImport(Address name);
  std::optional<TrapPoint> LoaderPoint();
  absl::Status FindPython();
  void FindAsyncio();
  void Want(TrapPoint point);
  void DoNotWant(Kind kind);
  bool Wants(Kind kind) const;
  // Whether a slot may be given to this one.
  bool HasSlotFor(Kind kind) const;
  absl::StatusOr<const Runtime*> FindRuntime();

  pid_t pid_ = 0;
  BreakpointKind kind_;
  bool exits_;
  TrapFinder* finder_;
  std::unique_ptr<Breakpoints> breakpoints_;
  std::unique_ptr<LiveTarget> target_;
  std::optional<Runtime> runtime_;
  std::vector<TrapPoint> wanted_;
  std::vector<TrapPoint> set_;
  bool has_changes_ = false;
  std::optional<LoaderHook> loader_;
  LoadedLibraries libraries_;
  // kImport, where it is of use.
  std::optional<TrapPoint> import_;
  std::set<std::string> vain_imports_;
  bool found_python_ = false;
  bool has_threads_ = false;
  std::vector<TrapPoint> for_threads_;
  std::optional<ThreadHook> thread_hook_;
  int vain_constructions_ = 0;
  UnhandledException trigger_;
  std::vector<std::string> notes_;
  std::set<Kind> noted_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_PYTHON_TRAPS_H_
