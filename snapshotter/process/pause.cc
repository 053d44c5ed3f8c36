#include "snapshotter/process/pause.h"

#include <signal.h>

#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/forked_copy.h"
#include "snapshotter/process/stopper.h"

namespace pysnap {
namespace {

class RunningProcess : public PausedProcess {
 public:
  explicit RunningProcess(std::vector<KernelThread> threads) {
    for (KernelThread& thread : threads) {
      threads_.push_back({.thread = std::move(thread), .stopped = false, .reason = "--pause none"});
    }
  }
  const std::vector<PausedThread>& threads() const override { return threads_; }
  absl::StatusOr<Registers> ReadRegisters(pid_t) override {
    return absl::FailedPreconditionError("the registers of a running thread cannot be read");
  }

 private:
  std::vector<PausedThread> threads_;
};

absl::StatusOr<PauseReport> ReadRunning(LiveTarget& target, const std::function<void(PausedProcess&)>& read) {
  ASSIGN_OR_RETURN(std::vector<KernelThread> threads, target.ListThreads());
  RunningProcess process(std::move(threads));
  read(process);
  if (const absl::Status same = target.CheckSameProgram(); absl::IsAborted(same)) return same;
  return PauseReport{.threads = process.threads(), .start_ns = 0, .end_ns = 0};
}

absl::StatusOr<PauseReport> ReadStopped(LiveTarget& target,
                                        const PauseOptions& options,
                                        const std::function<void(PausedProcess&)>& read) {
  Stopper stopper(target, options);
  RETURN_IF_ERROR(stopper.Stop());
  RETURN_IF_ERROR(target.CheckSameProgram());
  read(stopper);
  stopper.Release();
  return PauseReport{.threads = stopper.threads(), .start_ns = stopper.start_ns(), .end_ns = stopper.end_ns()};
}

}  // namespace

absl::StatusOr<PauseReport> PauseAndRead(LiveTarget& target,
                                         const PauseOptions& options,
                                         const std::function<void(PausedProcess&)>& read) {
  absl::StatusOr<PauseReport> report = absl::InternalError("the target was not paused");
  // The end of a thread is the end of all that it traces, whatever state that is in.
  sigset_t child_signal;
  sigset_t before;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &child_signal, &before);
  std::thread tracer([&] {
    switch (options.mode) {
      case PauseMode::kStop:
        report = ReadStopped(target, options, read);
        break;
      case PauseMode::kFork:
        report = ReadForkedCopy(target, options, read);
        break;
      case PauseMode::kNone:
        report = ReadRunning(target, read);
        break;
    }
  });
  tracer.join();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return report;
}

}  // namespace pysnap
