// What threads wait for, and for whom; which of them wait for each other.
#ifndef PYSNAP_FORMAT_WAIT_VIEW_H_
#define PYSNAP_FORMAT_WAIT_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/task_view.h"

namespace pysnap::format {

// Views point into the snapshot.
struct WaitView {
  // "lock", "join", "condition", "event", "semaphore", "barrier", "queue", "future", "process", "sleep", "files",
  // "gil", "other".
  const char* kind = "other";
  std::string_view system_call;
  bool has_timeout = false;  // it ends by itself
  uint32_t object = 0;       // object id of the lock, thread, queue …; 0: not known, or none
  std::vector<int32_t> fds;
  const proto::Wait* record = nullptr;  // has what is behind `fds`
  // Of a lock who has it, of a thread itself: a place in LoadedSnapshot::threads(). Nothing when that is not known.
  std::optional<size_t> owner;
  // Of a lock: whoever has it is no thread any more.
  bool owner_has_ended = false;
};

// Those that wait for each other in a circle, each for the next and the last for the first; or one that waits for what
// nobody can give; or the tasks of an event loop that nobody can give anything to do.
struct Deadlock {
  std::vector<size_t> threads;  // places in LoadedSnapshot::threads()
  std::vector<size_t> tasks;    // places in LoadedSnapshot::tasks()
  uint32_t loop = 0;            // object id; 0: a circle, or a thread
};

class Waits {
 public:
  // `snapshot` outlives it.
  explicit Waits(const LoadedSnapshot& snapshot);

  // By place in LoadedSnapshot::threads(). Nothing for a thread that runs, or of which it is not known.
  const std::optional<WaitView>& of(size_t thread) const { return waits_[thread]; }
  // The same of a thread of the snapshot.
  const std::optional<WaitView>& of(const proto::Thread& thread) const;
  const std::vector<Deadlock>& deadlocks() const { return deadlocks_; }
  // As ViewTasks gives them.
  const std::vector<TaskView>& tasks() const { return tasks_; }

  // "the lock <locked _thread.lock object at 0x7f…>, which thread 12 "worker" has"; harmless to a terminal.
  std::string Describe(const WaitView& wait, size_t max_repr) const;

 private:
  WaitView WaitOf(const proto::Thread& thread) const;
  void FindOwner(WaitView& wait) const;
  void FindHolders();
  // The lock that a context manager stands for: a condition's own, or itself.
  uint32_t LockOf(uint32_t manager) const;
  // The lock of the condition that a thread waits for: until it goes on it does not have it; 0: none.
  uint32_t GivenUp(const proto::Thread& thread) const;
  void FindThreadCircles();
  void FindTaskCircles();
  void FindIdleTasks();
  std::optional<size_t> ThreadOf(uint64_t ident) const;

  const LoadedSnapshot& snapshot_;
  const std::vector<TaskView> tasks_;
  std::vector<std::optional<WaitView>> waits_;
  // By the object id of a lock the threads that are within a with statement for it.
  absl::flat_hash_map<uint32_t, std::vector<size_t>> holders_;
  std::vector<Deadlock> deadlocks_;
};

// Of a thread's threading.Thread; nothing when that is not known.
std::optional<bool> IsDaemon(const LoadedSnapshot& snapshot, const proto::Thread& thread);
// Object id of what it was started to run; 0: not known, or nothing.
uint32_t TargetOf(const LoadedSnapshot& snapshot, const proto::Thread& thread);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_WAIT_VIEW_H_
