#include "snapshotter/supervise/breakpoints.h"

#include <unistd.h>

#include "snapshotter/supervise/debug_registers.h"
#include "snapshotter/supervise/perf_breakpoints.h"

namespace pysnap {

BreakpointKind UsableBreakpoints() {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  if (sigismember(&blocked, SIGTRAP) == 1) return BreakpointKind::kDebugRegisters;
  PerfBreakpoints trial;
  const pid_t self = getpid();
  // Where nothing is executed.
  static const int kNowhere = 0;
  const Address address(reinterpret_cast<uint64_t>(&kNowhere));
  return trial.Set(absl::MakeConstSpan(&self, 1), address).ok() ? BreakpointKind::kPerfEvents
                                                                : BreakpointKind::kDebugRegisters;
}

const char* NameOf(BreakpointKind kind) {
  return kind == BreakpointKind::kPerfEvents ? "perf_event_open" : "debug registers, with a guardian";
}

std::unique_ptr<Breakpoints> NewBreakpoints(BreakpointKind kind) {
  if (kind == BreakpointKind::kPerfEvents) return std::make_unique<PerfBreakpoints>();
  return std::make_unique<DebugRegisters>();
}

}  // namespace pysnap
