// Stops every thread of a process by ptrace, and lets them go again. PauseAndRead is what to use.
#ifndef PYSNAP_PROCESS_STOPPER_H_
#define PYSNAP_PROCESS_STOPPER_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/pause.h"

namespace pysnap {

// The kernel ties all this to one thread of ours: whoever made the Stopper makes every call, in a thread that ends
// soon after it. What could not be detached (a thread in state D) is detached by the kernel when that thread ends.
// SIGCHLD is blocked in all threads of ours, so that it can be waited for.
class Stopper : public PausedProcess {
 public:
  Stopper(const LiveTarget& target, const PauseOptions& options);
  ~Stopper() override;
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;

  // Attaches to every thread, and stops them all. When it fails nothing stays attached.
  absl::Status Stop();
  // The same for one thread alone.
  absl::Status StopOne(pid_t tid);
  // Lets them all go on as they were. Can be called again.
  void Release();

  const std::vector<PausedThread>& threads() const override { return threads_; }
  absl::StatusOr<Registers> ReadRegisters(pid_t tid) override;
  // The threads that are stopped by us, and by nothing else: not by a signal that they take, nor with the whole
  // process.
  std::vector<pid_t> QuietThreads() const;

  // As in PauseReport.
  int64_t start_ns() const { return start_ns_; }
  int64_t end_ns() const { return end_ns_; }

 private:
  // What is known of threads_[i], in tracees_[i].
  struct Tracee {
    enum State {
      kSeized,       // attached, running
      kInterrupted,  // told to stop
      kStopped,
      kGone,  // has ended, or been detached
    };
    State state = kSeized;
    // The signal that it was about to take when it stopped; goes with it when it is detached.
    int signal = 0;
    // The whole process is stopped by a signal.
    bool group_stop = false;
  };
  using Clock = std::chrono::steady_clock;

  absl::Status StopAll();
  absl::Status OpenTaskDir();
  // Whether the last list of threads was whole.
  bool ListedAll() const;
  void Add(pid_t tid);
  // Attaches to threads that are not known yet. True when there were any.
  absl::StatusOr<bool> SeizeNew();
  absl::Status Seize(pid_t tid);
  // Why a thread could not be attached to.
  absl::Status SeizeError(pid_t tid, int error);
  void Interrupt(size_t i);
  // Waits until the thread is stopped, is gone, or will not stop.
  void AwaitStop(size_t i, Clock::time_point begin);
  // Looks once; true when it is stopped or gone.
  bool CheckStopped(size_t i);

  const pid_t pid_;
  const int proc_dir_;
  const bool same_pid_namespace_;
  const PauseOptions options_;
  UniqueFd task_dir_;
  std::vector<PausedThread> threads_;
  std::vector<Tracee> tracees_;
  absl::flat_hash_map<pid_t, size_t> index_;
  std::vector<pid_t> tids_;
  bool released_ = false;
  // Some thread has ended since that was last looked at, which may have hidden another one from the list.
  bool thread_ended_ = false;
  // The threads that were listed and could not be attached to because they had ended.
  absl::flat_hash_set<pid_t> ended_;
  int64_t start_ns_ = 0;
  int64_t end_ns_ = 0;
};

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_STOPPER_H_
