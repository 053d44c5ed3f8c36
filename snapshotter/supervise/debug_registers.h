// Breakpoints in the debug registers, written by ptrace; see BreakpointKind::kDebugRegisters. What depends on the
// machine is in debug_registers.cc.
#ifndef PYSNAP_SUPERVISE_DEBUG_REGISTERS_H_
#define PYSNAP_SUPERVISE_DEBUG_REGISTERS_H_

#include <set>
#include <vector>

#include "snapshotter/supervise/breakpoints.h"

namespace pysnap {

// New threads start without any (copy_thread, arch/x86/kernel/process.c), and so do forked processes.
class DebugRegisters : public Breakpoints {
 public:
  absl::Status Set(absl::Span<const pid_t> threads, Address address) override;
  void Remove(absl::Span<const pid_t> threads, Address address) override;
  void Clear() override { set_.clear(); }
  void OnNewThread(pid_t tid) override;
  // The kernel has unblocked SIGTRAP (force_sig_info_to_task, kernel/signal.c). It is blocked again where the thread
  // has started so.
  void OnHit(pid_t tid) override;
  void Disarm(pid_t tid) override;
  void Arm(pid_t tid) override;
  bool IsHit(const siginfo_t& info) const override;

 private:
  void NoteMask(pid_t tid);

  std::vector<Address> set_;
  // The threads that have started with SIGTRAP blocked.
  std::set<pid_t> blocking_;
};

// Clears those of all threads of a process and of its children, whoever has set them and is gone. For a guardian, in
// which SIGCHLD is blocked.
void ClearDebugRegisters(pid_t pid);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_DEBUG_REGISTERS_H_
