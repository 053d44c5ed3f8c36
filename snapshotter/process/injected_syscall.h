// Makes a stopped thread of another process execute one system call, and puts everything back as it was.
//
// What depends on the machine is in injected_syscall.cc.
#ifndef PYSNAP_PROCESS_INJECTED_SYSCALL_H_
#define PYSNAP_PROCESS_INJECTED_SYSCALL_H_

#include <sys/types.h>

#include <array>
#include <cstdint>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// The address of a system call instruction that the target has anyway, in its [vdso]: no code is written.
absl::StatusOr<Address> FindSyscallInstruction(Target& target);

struct InjectedSyscall {
  int64_t number = 0;
  std::array<uint64_t, 6> arguments{};
};

struct InjectedResult {
  // What the kernel returned: a value, or -errno.
  int64_t value = 0;
  // The process that the call made, traced by us and stopped before its first instruction; 0 when it made none.
  pid_t new_process = 0;
};

// Whether a call can be injected into the thread: it is in user mode or in a call that the kernel will start again,
// runs 64-bit code, and is in no restartable sequence. `blocked` tells whether it is in a call.
absl::StatusOr<bool> CanInject(Target& target, pid_t tid, bool& blocked);

// The thread is in a stop made by PTRACE_INTERRUPT, and is in such a stop again afterwards. While the call runs, the
// thread's registers and signal mask are not its own: were its tracer to die then, the target would go astray. The
// error is NotFound when the thread ended.
absl::StatusOr<InjectedResult> Inject(pid_t process, pid_t tid, Address instruction, const InjectedSyscall& call);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_INJECTED_SYSCALL_H_
