#include "snapshotter/process/registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "absl/strings/str_format.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {

#if defined(__x86_64__)

namespace {

// What a system call returns that a stop has interrupted: it is begun again (include/linux/errno.h in Linux), but for a
// few, like epoll_wait, that return EINTR.
bool IsInterrupted(int64_t result) {
  constexpr int64_t kRestart[] = {-EINTR, -512, -513, -514, -516};
  return std::find(std::begin(kRestart), std::end(kRestart), result) != std::end(kRestart);
}

std::optional<SystemCall> SystemCallOf(const user_regs_struct& regs) {
  const auto number = static_cast<int64_t>(regs.orig_rax);
  if (number < 0 || !IsInterrupted(static_cast<int64_t>(regs.rax))) return std::nullopt;
  return SystemCall{.number = number, .arguments = {regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9}};
}

}  // namespace

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
      .system_call = SystemCallOf(regs),
  };
}

#else
#error "Registers are not known on this machine. Say here where they are."
#endif

}  // namespace pysnap
