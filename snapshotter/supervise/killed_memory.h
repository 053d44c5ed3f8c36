// Whether the memory of a process that SIGKILL ends is still its own.
#ifndef PYSNAP_SUPERVISE_KILLED_MEMORY_H_
#define PYSNAP_SUPERVISE_KILLED_MEMORY_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace pysnap {

// Two seconds after the kernel has killed a process for want of memory it begins to take its pages away (mm/oom_kill.c,
// OOM_REAPER_DELAY), as process_mrelease() does at once. What is read then may be what a file has in the place.
class KilledMemory {
 public:
  // Remembers what the process has. It is killed and held before its exit.
  explicit KilledMemory(pid_t pid);

  // Some of it has been taken away, now or before it was remembered. False when that cannot be told.
  bool IsTaken() const;

 private:
  pid_t pid_;
  std::optional<int64_t> size_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_KILLED_MEMORY_H_
