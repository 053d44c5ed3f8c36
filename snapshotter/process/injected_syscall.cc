#include "snapshotter/process/injected_syscall.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/proc_files.h"

#if !defined(__x86_64__)
#error "System calls cannot be injected on this machine. Say here how."
#endif

namespace pysnap {
namespace {

constexpr uint64_t kMaxVdso = 1 << 20;
constexpr std::array<std::byte, 2> kSyscall = {std::byte{0x0f}, std::byte{0x05}};
constexpr uint64_t kUserCodeSegment64 = 0x33;  // __USER_CS, arch/x86/include/asm/segment.h
// More stops than one injected call can meet.
constexpr int kMaxStops = 100;

absl::Status EndedError(pid_t tid) { return absl::NotFoundError(absl::StrFormat("thread %d has ended", tid)); }

// ptrace as a status.
absl::Status Ptrace(long request, pid_t tid, void* address, void* data) {
  if (ptrace(static_cast<__ptrace_request>(request), tid, address, data) >= 0) return absl::OkStatus();
  return errno == ESRCH ? EndedError(tid) : ProcError(errno, "ptrace");
}

absl::StatusOr<user_regs_struct> GetRegisters(pid_t tid) {
  user_regs_struct regs;
  iovec area = {&regs, sizeof(regs)};
  RETURN_IF_ERROR(Ptrace(PTRACE_GETREGSET, tid, reinterpret_cast<void*>(NT_PRSTATUS), &area));
  if (area.iov_len != sizeof(regs)) return absl::UnimplementedError("it does not run 64-bit code");
  return regs;
}

absl::Status SetRegisters(pid_t tid, user_regs_struct regs) {
  iovec area = {&regs, sizeof(regs)};
  return Ptrace(PTRACE_SETREGSET, tid, reinterpret_cast<void*>(NT_PRSTATUS), &area);
}

// Lets the thread go on, to its next stop. The stop's wait status.
absl::StatusOr<int> GoOn(long request, pid_t tid) {
  RETURN_IF_ERROR(Ptrace(request, tid, nullptr, nullptr));
  int status = 0;
  while (waitpid(tid, &status, __WALL) < 0) {
    if (errno != EINTR) return EndedError(tid);
  }
  if (!WIFSTOPPED(status)) return EndedError(tid);
  return status;
}

bool IsEvent(int status, int event) { return status >> 16 == event; }
bool IsSyscallStop(int status) { return status >> 16 == 0 && WSTOPSIG(status) == (SIGTRAP | 0x80); }

// Runs the call whose registers have been set, up to its end, which is in the kernel still. SIGSTOP cannot be blocked
// and may come in between; `stopped` tells to send it again.
absl::StatusOr<InjectedResult> RunToExit(pid_t tid, bool& stopped) {
  InjectedResult result;
  bool entered = false;
  for (int i = 0; i < kMaxStops; ++i) {
    // Not PTRACE_SINGLESTEP: its SIGTRAP resets the action of a process that ignores or blocks it.
    ASSIGN_OR_RETURN(const int status, GoOn(PTRACE_SYSCALL, tid));
    if (IsSyscallStop(status)) {
      if (!entered) {
        entered = true;
        continue;
      }
      ASSIGN_OR_RETURN(const user_regs_struct regs, GetRegisters(tid));
      result.value = static_cast<int64_t>(regs.rax);
      return result;
    }
    if (IsEvent(status, PTRACE_EVENT_CLONE)) {
      unsigned long process = 0;
      RETURN_IF_ERROR(Ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &process));
      result.new_process = static_cast<pid_t>(process);
      // It must never run, whatever becomes of us.
      int first_stop = 0;
      if (waitpid(result.new_process, &first_stop, __WALL) == result.new_process && WIFSTOPPED(first_stop)) {
        Ptrace(PTRACE_SETOPTIONS, result.new_process, nullptr, reinterpret_cast<void*>(PTRACE_O_EXITKILL))
            .IgnoreError();
      }
    } else if (status >> 16 == 0) {
      stopped = true;
    }
  }
  return absl::InternalError("the injected system call does not come to its end");
}

// From the end of a call to a stop that the thread leaves as it would have left its first one: there, the kernel looks
// at the registers and starts the call that was interrupted again.
absl::Status EnterTrap(pid_t tid, bool& stopped) {
  RETURN_IF_ERROR(Ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr));
  for (int i = 0; i < kMaxStops; ++i) {
    ASSIGN_OR_RETURN(const int status, GoOn(PTRACE_CONT, tid));
    if (IsEvent(status, PTRACE_EVENT_STOP)) return absl::OkStatus();
    if (status >> 16 == 0) stopped = true;
  }
  return absl::InternalError("the thread does not stop");
}

}  // namespace

absl::StatusOr<Address> FindSyscallInstruction(Target& target) {
  for (const Mapping& mapping : target.mappings()) {
    if (mapping.path != "[vdso]" || !mapping.executable || mapping.range.size > kMaxVdso) continue;
    std::vector<std::byte> code;
    RETURN_IF_ERROR(target.memory().ReadArray(mapping.range.begin, mapping.range.size, code));
    const auto found = std::search(code.begin(), code.end(), kSyscall.begin(), kSyscall.end());
    if (found != code.end()) return mapping.range.begin + (found - code.begin());
  }
  return absl::AbortedError("no system call instruction was found in its [vdso]");
}

absl::StatusOr<bool> CanInject(Target& target, pid_t tid, bool& blocked) {
  ASSIGN_OR_RETURN(const user_regs_struct regs, GetRegisters(tid));
  if (regs.cs != kUserCodeSegment64) return false;
  blocked = static_cast<int64_t>(regs.orig_rax) >= 0;
  if (blocked) return true;
  // A restartable sequence would be taken for left, and be continued after all.
  __ptrace_rseq_configuration config{};
  const auto size = reinterpret_cast<void*>(sizeof(config));
  if (!Ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, size, &config).ok() || config.rseq_abi_pointer == 0) return true;
  constexpr int64_t kRseqCs = 8;  // offsetof(struct rseq, rseq_cs), include/uapi/linux/rseq.h
  const auto sequence = target.memory().ReadPointer(Address(config.rseq_abi_pointer) + kRseqCs);
  return sequence.ok() && sequence->is_null();
}

absl::StatusOr<InjectedResult> Inject(pid_t process, pid_t tid, Address instruction, const InjectedSyscall& call) {
  ASSIGN_OR_RETURN(const user_regs_struct saved, GetRegisters(tid));
  uint64_t saved_mask = 0;
  uint64_t all = ~uint64_t{0};
  const auto mask_size = reinterpret_cast<void*>(sizeof(saved_mask));
  RETURN_IF_ERROR(Ptrace(PTRACE_GETSIGMASK, tid, mask_size, &saved_mask));
  constexpr long kOptions = PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD;
  RETURN_IF_ERROR(Ptrace(PTRACE_SETOPTIONS, tid, nullptr, reinterpret_cast<void*>(kOptions)));

  user_regs_struct regs = saved;
  regs.rip = instruction.value();
  regs.rax = static_cast<uint64_t>(call.number);
  regs.orig_rax = ~uint64_t{0};  // it is in no system call that could be started again
  regs.rdi = call.arguments[0];
  regs.rsi = call.arguments[1];
  regs.rdx = call.arguments[2];
  regs.r10 = call.arguments[3];
  regs.r8 = call.arguments[4];
  regs.r9 = call.arguments[5];
  bool stopped = false;
  const auto run = [&]() -> absl::StatusOr<InjectedResult> {
    RETURN_IF_ERROR(Ptrace(PTRACE_SETSIGMASK, tid, mask_size, &all));
    RETURN_IF_ERROR(SetRegisters(tid, regs));
    ASSIGN_OR_RETURN(const InjectedResult result, RunToExit(tid, stopped));
    // When the thread has ended by now, the call was made all the same.
    const absl::Status trapped = EnterTrap(tid, stopped);
    if (!trapped.ok() && !absl::IsNotFound(trapped)) return trapped;
    return result;
  };
  const absl::StatusOr<InjectedResult> result = run();
  // Whatever happened, as far as there is still a thread.
  SetRegisters(tid, saved).IgnoreError();
  Ptrace(PTRACE_SETSIGMASK, tid, mask_size, &saved_mask).IgnoreError();
  Ptrace(PTRACE_SETOPTIONS, tid, nullptr, nullptr).IgnoreError();
  if (stopped) syscall(SYS_tgkill, process, tid, SIGSTOP);
  return result;
}

}  // namespace pysnap
