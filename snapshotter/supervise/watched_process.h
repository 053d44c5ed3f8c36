// One process under watch: its threads, its traps, and what their stops mean.
#ifndef PYSNAP_SUPERVISE_WATCHED_PROCESS_H_
#define PYSNAP_SUPERVISE_WATCHED_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/capture/capturer.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/supervise/killed_memory.h"
#include "snapshotter/supervise/python_traps.h"
#include "snapshotter/supervise/reporter.h"
#include "snapshotter/supervise/stops.h"
#include "snapshotter/supervise/supervise_options.h"
#include "snapshotter/supervise/trap_points.h"
#include "snapshotter/supervise/triggers/death.h"
#include "snapshotter/supervise/writer_process.h"

namespace pysnap {

class WatchedProcess {
 public:
  // The references outlive it.
  WatchedProcess(pid_t pid,
                 const SuperviseOptions& options,
                 const RedactionRules& redaction,
                 TrapFinder& finder,
                 const WriterProcess& writer,
                 Reporter& reporter);
  ~WatchedProcess();
  WatchedProcess(const WatchedProcess&) = delete;
  WatchedProcess& operator=(const WatchedProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool empty() const { return tracees_.empty(); }
  bool Has(pid_t tid) const { return tracees_.count(tid) != 0; }

  // A thread is traced from now on. It is stopped, or will be at once.
  void Add(pid_t tid);
  // It is a copy of `parent`, made by fork or vfork, and its only thread is stopped, or will be.
  void StartAsCopy(const WatchedProcess& parent);
  void OnEnd(pid_t tid);
  struct Outcome {
    std::optional<pid_t> child;  // a process that the thread has started
    bool hit = false;            // it has run into a breakpoint
  };
  // Lets the thread go on when all was done.
  Outcome OnStop(const Stop& stop);
  // Takes the signals of hits from threads that block them: unblocked one day, they would kill when nobody watches.
  // Their number.
  int DropBlockedHits();
  // Takes the stops of threads while something else is done, which may take long. They are handled when TakePending
  // tells of them.
  void CollectStops();
  // As PythonTraps::LetGo.
  void LetGoOfTraps() { traps_.LetGo(); }
  // A stop that came while the process was held for a snapshot, or while that was written.
  std::optional<Stop> TakePending();
  // To be called now and then, while it needs that.
  void OnTime();
  bool needs_time() const { return dying_.has_value(); }
  // Snapshots it, and says so.
  void Snapshot(const Occasion& occasion);

 private:
  using Clock = std::chrono::steady_clock;
  struct Tracee {
    bool stopped = false;
    bool seen = false;  // it has come to a stop before
    // It stands at its exit, and is kept there.
    bool exiting = false;
    // It stands, and has no breakpoints meanwhile.
    bool disarmed = false;
    std::optional<Stop> pending;
    // Its id in its own namespace, once somebody has asked.
    std::optional<int64_t> native_id;
  };
  class Held;
  class ProbableExit;

  // Returns whether the signal is of a breakpoint.
  bool OnSignal(const Stop& stop);
  void OnHit(pid_t tid);
  void OnFinding(pid_t tid, const Finding& finding);
  void ChangeTraps();
  void OnExec(pid_t tid);
  void OnExit(pid_t tid);
  // When all threads of a dying process have arrived at their exits, it stands still whole.
  void OnDeath();
  // Whether the end with this status deserves a snapshot of its own.
  bool IsOwnCrash(int status) const;
  void Continue(pid_t tid, int signal = 0);
  // A stopped thread has no breakpoints until it goes on: killed now, we leave it to itself.
  void Disarm(pid_t tid);
  // Lets a thread that was stopped by Hold run into the SIGTRAP of a hit that it blocks. Returns whether there was one.
  bool DropBlockedHit(pid_t tid);
  // Stops all threads. What else they stop for meanwhile is kept.
  void Hold();
  // Lets those go on that were stopped for nothing else.
  void Release();
  std::vector<pid_t> Tids() const;
  int64_t NativeId(pid_t tid);
  absl::StatusOr<CaptureSummary> TrySnapshot(const Occasion& occasion);
  // The kernel has taken memory away from a process that it has killed.
  bool IsEmptied() const;
  absl::Status EmptiedError() const;
  // The exit seems to have begun, and may yet turn out to be one of code 0: what a snapshot needs is taken.
  void TakeExit(const Occasion& occasion);
  // See CaptureSource.
  absl::StatusOr<CaptureSummary> Write(WriteSnapshot write);
  absl::StatusOr<PauseReport> Pause(const LiveTarget& target, const std::function<void(PausedProcess&)>& read);

  const pid_t pid_;
  const SuperviseOptions& options_;
  const RedactionRules& redaction_;
  const WriterProcess& writer_;
  Reporter& reporter_;
  std::map<pid_t, Tracee> tracees_;
  PythonTraps traps_;
  // The first of each signal that came since the last exec, to tell where a death began.
  std::map<int, SeenSignal> signals_;
  // The status that the whole process ends with, once that is a crash.
  std::optional<int> dying_;
  Clock::time_point dying_since_;
  // Of a process that SIGKILL ends.
  std::optional<KilledMemory> killed_;
  // A snapshot was taken of the exception that ends the main thread: what follows from it is no other crash.
  bool main_thread_raised_ = false;
  // With --all-exits: what was taken before the interpreter ended.
  std::unique_ptr<ProbableExit> exit_;
  // It was started by another process under watch.
  bool is_child_ = false;
  // A snapshot was taken of the end.
  bool ended_ = false;
  bool said_blocked_ = false;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_WATCHED_PROCESS_H_
