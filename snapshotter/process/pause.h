// Holds a process still while it is read.
//
//   absl::StatusOr<PauseReport> report = PauseAndRead(*target, {}, [&](PausedProcess& paused) {
//     … read target->memory(), paused.threads() …
//   });
//
// The target never notices: it gets no signal, loses none, and goes on as it was, stopped or running, also when pysnap
// is killed at any instant.
#ifndef PYSNAP_PROCESS_PAUSE_H_
#define PYSNAP_PROCESS_PAUSE_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/registers.h"

namespace pysnap {

// The name of the process in which `pysnap on-crash` traces a program: it tells who is asked to pause one why not.
inline constexpr char kWatcherName[] = "pysnap-watcher";

enum class PauseMode {
  kStop,  // all threads stand still while they are read
  kFork,  // they stand still while the kernel makes a copy-on-write copy, which is read
  kNone,  // they run on; what is read may be torn
};

struct PauseOptions {
  PauseMode mode = PauseMode::kStop;
  // How long to wait for a thread that sits in the kernel and cannot be interrupted (state D).
  std::chrono::milliseconds uninterruptible_wait{20};
  // How long to wait for a thread to be stopped at all, on a machine that has other things to do.
  std::chrono::milliseconds wait{2000};
};

struct PausedThread {
  KernelThread thread;
  // False: it may change what is read; `reason` says why it could not be stopped.
  bool stopped = false;
  std::string reason;
};

// What the reader sees while the target is paused.
class PausedProcess {
 public:
  virtual ~PausedProcess() = default;

  // The main thread first.
  virtual const std::vector<PausedThread>& threads() const = 0;
  // FailedPrecondition for a thread that is not stopped.
  virtual absl::StatusOr<Registers> ReadRegisters(pid_t tid) = 0;
  // Whether the process runs on while a copy of it is read: what the kernel knows of it is of another moment then.
  virtual bool is_copy() const { return false; }
};

struct PauseReport {
  std::vector<PausedThread> threads;
  // Monotonic clock: just before the first thread was stopped, and just after the last went on. With kNone both are 0.
  int64_t start_ns = 0;
  int64_t end_ns = 0;

  int64_t pause_ns() const { return end_ns - start_ns; }
};

// Pauses the target, calls `read` once, and lets the target go on. `read` runs in a thread of its own, with nothing
// else running in the meantime, and may use everything its caller may. While it runs, target.memory() reads the paused
// process (or its copy).
//
// The error is a sentence for the user, and `read` was not called: PermissionDenied (refused, or another debugger is
// attached), NotFound (it ended), Aborted (it cannot be done now, or not in this mode).
absl::StatusOr<PauseReport> PauseAndRead(LiveTarget& target,
                                         const PauseOptions& options,
                                         const std::function<void(PausedProcess&)>& read);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_PAUSE_H_
