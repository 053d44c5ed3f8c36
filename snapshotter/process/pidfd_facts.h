// Which process a pidfd stands for.
#ifndef PYSNAP_PROCESS_PIDFD_FACTS_H_
#define PYSNAP_PROCESS_PIDFD_FACTS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace pysnap {

struct PidfdFacts {
  pid_t pid = 0;        // as we see it; 0: somebody has waited for it, and its number may be another's
  std::string program;  // its comm; empty with `pid`
  bool ended = false;   // it runs no more
};

// `proc_dir`: /proc/PID of the process that has `fd` open, opened. OutOfRange when the kernel does not tell (before
// Linux 5.3), or the process is in a PID namespace that we do not see; otherwise the errors of ReadFileAt.
absl::StatusOr<PidfdFacts> ReadPidfdFacts(int proc_dir, int32_t fd);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_PIDFD_FACTS_H_
