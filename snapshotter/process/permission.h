// Why the kernel refuses access to a process, and what the user can do about it.
#ifndef PYSNAP_PROCESS_PERMISSION_H_
#define PYSNAP_PROCESS_PERMISSION_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace pysnap {

// What decides whether one process may trace another (ptrace(2), "Ptrace access mode checking").
struct AccessFacts {
  pid_t pid = 0;
  uint32_t our_uid = 0;
  uint32_t target_uid = 0;
  bool target_uid_known = false;
  bool cap_sys_ptrace = false;
  // /proc/sys/kernel/yama/ptrace_scope; 0 where there is no Yama.
  int yama_scope = 0;
  bool same_user_namespace = true;
  // Seccomp mode of pysnap itself; 2: a filter, as containers have.
  int our_seccomp = 0;
};

AccessFacts GatherAccessFacts(pid_t pid);

// One sentence with the reason and the remedy.
std::string ExplainRefusal(const AccessFacts& facts);

// PermissionDenied, explained.
absl::Status RefusedError(pid_t pid);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_PERMISSION_H_
