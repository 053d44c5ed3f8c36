// The name of the host that a process believes to run on.
#ifndef PYSNAP_PROCESS_HOSTNAME_H_
#define PYSNAP_PROCESS_HOSTNAME_H_

#include <string>

namespace pysnap {

// `proc_dir` is /proc/PID, opened. Empty when the process has another hostname than ours and it cannot be had.
std::string HostnameOf(int proc_dir);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_HOSTNAME_H_
