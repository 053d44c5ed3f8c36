// A process as pysnap sees it: its mappings, threads and identity. Reading it does not stop it; Stopper does.
#ifndef PYSNAP_PROCESS_TARGET_H_
#define PYSNAP_PROCESS_TARGET_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/memory/page_cache.h"

namespace pysnap {

// One line of /proc/PID/maps.
struct Mapping {
  AddressRange range;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  uint64_t file_offset = 0;
  uint64_t device = 0;
  uint64_t inode = 0;  // 0: anonymous
  // As the target sees it (in its own root), without " (deleted)"; or "[stack]", "[vdso]" …
  std::string path;
  bool deleted = false;
};

// What /proc tells about a process without stopping it.
struct ProcessInfo {
  pid_t pid = 0;
  std::vector<std::string> argv;
  std::string executable;  // in the target's root
  std::string cwd;
  std::string hostname;
};

// One thread, as the kernel knows it.
struct KernelThread {
  // As we see it: what ptrace and /proc take.
  pid_t tid = 0;
  // As the target sees it, which differs in another PID namespace: what gettid() and PyThreadState.native_thread_id
  // say.
  pid_t native_id = 0;
  // The kernel's name (comm), at most 15 bytes of anything.
  std::string name;
};

// A live or post-mortem process. Owned by whoever captures it; not thread-safe.
class Target {
 public:
  virtual ~Target() = default;

  virtual const ProcessInfo& info() const = 0;
  // Uncached memory of the process as it is now.
  virtual Memory& memory() = 0;
  // Sorted by address. Read when the target was opened; Refresh reads it again.
  virtual const std::vector<Mapping>& mappings() const = 0;
  virtual absl::Status RefreshMappings() = 0;
  // Opens the file behind a mapping: by /proc/PID/map_files, else by its path below /proc/PID/root, checking that it
  // is the same inode. NotFound when neither can be had.
  virtual absl::StatusOr<UniqueFd> OpenMapping(const Mapping& mapping) = 0;
  // Opens a path as the target sees it (in its root), for reading. Regular files only; never blocks.
  virtual absl::StatusOr<UniqueFd> OpenPath(const std::string& path) = 0;
  // The threads there are now, the main thread first.
  virtual absl::StatusOr<std::vector<KernelThread>> ListThreads() { return std::vector<KernelThread>(); }
  // Tells which pages can be read without cost to the target; null when that is not known or does not matter.
  virtual PagePresence presence() { return nullptr; }
};

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_TARGET_H_
