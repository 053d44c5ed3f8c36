// Follows a process by ptrace from before its exec to its end, and snapshots it when it crashes.
//
//   Supervisor supervisor(pid, options, std::move(rules));
//   RETURN_IF_ERROR(supervisor.Seize());
//   supervisor.Run();
#ifndef PYSNAP_SUPERVISE_SUPERVISOR_H_
#define PYSNAP_SUPERVISE_SUPERVISOR_H_

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/capture/capturer.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/supervise/python_traps.h"
#include "snapshotter/supervise/supervise_options.h"
#include "snapshotter/supervise/triggers/death.h"

namespace pysnap {

// The only ptrace event loop of its process, which is used by one thread. The target does not end when the supervisor
// does: no option is set that kills it, and no code of it is changed.
class Supervisor {
 public:
  Supervisor(pid_t pid, SuperviseOptions options, RedactionRules redaction);
  ~Supervisor();

  // Attaches to the process, which has one thread. PermissionDenied, explained, when the kernel refuses.
  absl::Status Seize();

  // Returns when there is nothing left to follow. Errors go to stderr, one line each, as do the names of snapshots.
  // SIGCHLD is blocked in the calling thread.
  void Run();

 private:
  using Clock = std::chrono::steady_clock;

  // One traced thread.
  struct Tracee {
    pid_t tid = 0;
    bool stopped = false;
    // It stands at PTRACE_EVENT_EXIT with this status, and is kept there.
    std::optional<int> exit_status;
    // A stop that came while the process was held, to be dealt with afterwards.
    std::optional<int> pending;
  };
  class Held;

  void Handle(pid_t tid, int status);
  void OnStop(Tracee& tracee, int status);
  void OnSignal(Tracee& tracee, int signal);
  void OnExec(Tracee& tracee);
  void OnExit(Tracee& tracee);
  void OnDeath();
  void Continue(Tracee& tracee, int signal = 0);
  Tracee& Add(pid_t tid);

  // Stops all threads. What else they stop for meanwhile is kept.
  void Hold();
  // Lets those go on that were stopped for nothing else.
  void Release();
  // Deals with one stop that was kept; false when there is none.
  bool HandlePending();
  std::vector<pid_t> Tids() const;
  int64_t NativeId(pid_t tid) const;

  // Whether the end with this status deserves a snapshot of its own.
  bool IsOwnCrash(int status) const;
  // Takes one, and says so.
  void Snapshot(const Occasion& occasion);
  absl::StatusOr<CaptureSummary> TrySnapshot(const Occasion& occasion);
  std::string NextPath(const ProcessInfo& info);
  void Say(absl::string_view text) const;

  const pid_t pid_;
  const SuperviseOptions options_;
  const RedactionRules redaction_;
  std::map<pid_t, Tracee> tracees_;
  PythonTraps traps_;
  std::optional<Clock::time_point> deadline_;
  // The first of each signal that came since the last exec, to tell where a death began.
  std::map<int, SeenSignal> signals_;
  // The status that the whole process ends with, once that is a crash.
  std::optional<int> dying_;
  Clock::time_point dying_since_;
  // A snapshot was taken of the exception that ends the main thread: what follows from it is no other crash.
  bool main_thread_raised_ = false;
  // A snapshot was taken of the end.
  bool ended_ = false;
  int snapshots_ = 0;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_SUPERVISOR_H_
