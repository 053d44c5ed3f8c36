// Registers of a stopped thread. What depends on the machine is in registers.cc.
#ifndef PYSNAP_PROCESS_REGISTERS_H_
#define PYSNAP_PROCESS_REGISTERS_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"

namespace pysnap {

// A system call that a thread was in when it was stopped.
struct SystemCall {
  int64_t number = 0;
  std::array<uint64_t, 6> arguments = {};
};

struct Registers {
  Address pc;
  Address sp;
  // Where thread-local storage is found: fs_base on x86-64, tpidr_el0 on aarch64.
  Address thread_pointer;
  // At the first instruction of a function: its first two arguments.
  uint64_t arguments[2] = {0, 0};
  // What pthread_self() returns in the thread, with glibc and musl: threading.get_ident().
  Address pthread;
  // The general registers by their DWARF numbers, as unwind information counts them. On x86-64: rax, rdx, rcx, rbx,
  // rsi, rdi, rbp, rsp, r8 to r15, rip (System V ABI, AMD64 supplement, 3.6.2).
  std::array<uint64_t, 17> general = {};
  // The one that it waits in, and will go on with.
  std::optional<SystemCall> system_call;
};

// The thread is ptrace-stopped by the caller's thread.
absl::StatusOr<Registers> ReadThreadRegisters(pid_t tid);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_REGISTERS_H_
