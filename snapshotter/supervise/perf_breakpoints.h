// Breakpoints of perf_event_open; see BreakpointKind::kPerfEvents.
#ifndef PYSNAP_SUPERVISE_PERF_BREAKPOINTS_H_
#define PYSNAP_SUPERVISE_PERF_BREAKPOINTS_H_

#include <utility>
#include <vector>

#include "snapshotter/base/unique_fd.h"
#include "snapshotter/supervise/breakpoints.h"

namespace pysnap {

// Threads inherit what was set when they were made.
class PerfBreakpoints : public Breakpoints {
 public:
  absl::Status Set(absl::Span<const pid_t> threads, Address address) override;
  void Remove(absl::Span<const pid_t> threads, Address address) override;
  // The kernel has removed them from the target by then, and still counts them as long as they are open.
  void Clear() override { set_.clear(); }
  void OnNewThread(pid_t) override {}
  void OnHit(pid_t) override {}
  void Suspend() override;
  void Resume() override;
  bool IsHit(const siginfo_t& info) const override;

 private:
  std::vector<std::pair<Address, UniqueFd>> set_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_PERF_BREAKPOINTS_H_
