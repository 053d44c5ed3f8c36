#include "snapshotter/process/registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <cerrno>

#include "absl/strings/str_format.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {

#if defined(__x86_64__)

absl::StatusOr<Registers> ReadThreadRegisters(pid_t tid) {
  user_regs_struct regs;
  iovec area = {&regs, sizeof(regs)};
  if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &area) != 0 || area.iov_len != sizeof(regs)) {
    return ProcError(errno, absl::StrFormat("registers of thread %d", tid));
  }
  // The thread pointer points to the thread's struct pthread, whose address is the pthread_t.
  return Registers{
      .pc = Address(regs.rip),
      .sp = Address(regs.rsp),
      .thread_pointer = Address(regs.fs_base),
      .arguments = {regs.rdi, regs.rsi},
      .pthread = Address(regs.fs_base),
      .general = {regs.rax, regs.rdx, regs.rcx, regs.rbx, regs.rsi, regs.rdi, regs.rbp, regs.rsp, regs.r8, regs.r9,
                  regs.r10, regs.r11, regs.r12, regs.r13, regs.r14, regs.r15, regs.rip},
  };
}

#else
#error "Registers are not known on this machine. Say here where they are."
#endif

}  // namespace pysnap
