// The signals for which a process has handlers.
#ifndef PYSNAP_PROCESS_CAUGHT_SIGNALS_H_
#define PYSNAP_PROCESS_CAUGHT_SIGNALS_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace pysnap {

// Bit 0 is signal 1. Those that the C library keeps for itself (32 and 33: SIGCANCEL, SIGSETXID of glibc) are left out.
// `proc_dir`: /proc/PID, opened. The errors are those of ReadFileAt; DataLoss when the kernel does not tell.
absl::StatusOr<uint64_t> ReadCaughtSignals(int proc_dir);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_CAUGHT_SIGNALS_H_
