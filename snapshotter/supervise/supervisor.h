// Follows a process by ptrace from before its exec to its end, and snapshots it when it crashes.
//
//   Supervisor supervisor(pid, options, std::move(rules));
//   RETURN_IF_ERROR(supervisor.Seize());
//   supervisor.Run();
#ifndef PYSNAP_SUPERVISE_SUPERVISOR_H_
#define PYSNAP_SUPERVISE_SUPERVISOR_H_

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/supervise/reporter.h"
#include "snapshotter/supervise/stops.h"
#include "snapshotter/supervise/supervise_options.h"
#include "snapshotter/supervise/trap_points.h"
#include "snapshotter/supervise/watched_process.h"

namespace pysnap {

// The only ptrace event loop of its process, which is used by one thread. What it follows does not end when it does: no
// option is set that kills it, and no code of it is changed.
class Supervisor {
 public:
  Supervisor(pid_t pid, SuperviseOptions options, RedactionRules redaction);

  // Attaches to the process, which has one thread. PermissionDenied, explained, when the kernel refuses.
  absl::Status Seize();

  // Returns when there is nothing left to follow. Errors go to stderr, one line each, as do the names of snapshots.
  // SIGCHLD is blocked in the calling thread.
  void Run();

 private:
  void Handle(const Stop& stop);
  bool HandlePending();
  void OnDeadline();
  // For the time in which a snapshot is written.
  WriterProcess MakeWriter();
  // Looks for threads that have run into a breakpoint without a stop when it is time to. Returns how long to wait else.
  std::chrono::nanoseconds OnNotices();
  // The process that the thread belongs to; it may be heard of before the one that has started it.
  WatchedProcess& ProcessOf(pid_t tid);
  WatchedProcess& AddProcess(pid_t pid);

  const pid_t pid_;
  const SuperviseOptions options_;
  const RedactionRules redaction_;
  TrapFinder finder_;
  const WriterProcess writer_;
  Reporter reporter_;
  std::map<pid_t, std::unique_ptr<WatchedProcess>> processes_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  // Hits that were told of and have not shown as stops; how many of them were known when last looked for them, when to
  // look next, and how long to wait after that.
  int notices_ = 0;
  int notices_looked_for_ = 0;
  std::optional<std::chrono::steady_clock::time_point> next_look_;
  std::chrono::nanoseconds look_delay_{};
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_SUPERVISOR_H_
