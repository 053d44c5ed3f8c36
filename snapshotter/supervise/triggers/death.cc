#include "snapshotter/supervise/triggers/death.h"

#include <sys/wait.h>

namespace pysnap {

bool IsCrash(int exit_status, bool all_exits) {
  if (WIFSIGNALED(exit_status)) return true;
  return all_exits && WIFEXITED(exit_status) && WEXITSTATUS(exit_status) != 0;
}

bool IsFault(const siginfo_t& info) {
  const bool has_address =
      info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGFPE || info.si_signo == SIGILL;
  // Codes of the kernel's own are positive, but for SI_KERNEL, which comes without an address.
  return has_address && info.si_code > 0 && info.si_code != SI_KERNEL;
}

Occasion DeathOccasion(int exit_status, const std::optional<SeenSignal>& seen) {
  Occasion occasion;
  proto::Reason& reason = occasion.reason;
  if (WIFSIGNALED(exit_status)) {
    reason.set_kind(proto::Reason::SIGNAL);
    reason.set_signal(WTERMSIG(exit_status));
  } else {
    reason.set_kind(proto::Reason::EXIT);
    reason.set_exit_code(WEXITSTATUS(exit_status));
  }
  if (seen.has_value()) {
    reason.set_native_id(seen->native_id);
    if (IsFault(seen->info)) reason.set_fault_address(reinterpret_cast<uint64_t>(seen->info.si_addr));
  }
  return occasion;
}

}  // namespace pysnap
