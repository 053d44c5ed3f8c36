#include "snapshotter/supervise/perf_breakpoints.h"

#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_format.h"
#include "snapshotter/supervise/stops.h"

namespace pysnap {
namespace {

// TRAP_PERF of asm-generic/siginfo.h, which older C libraries do not have.
constexpr int kTrapPerf = 6;

absl::Status SetError(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          "perf_event_open is refused (kernel.perf_event_paranoid, or the container's seccomp profile)");
    case ENOSPC:
      return absl::ResourceExhaustedError("all debug registers are in use");
    default:
      return absl::UnimplementedError(
          absl::StrFormat("this kernel has no breakpoints by perf_event_open: %s", std::strerror(error)));
  }
}

// A thread that blocks SIGTRAP does not stop at a hit. That there was one, is to be known all the same.
void SendNotices(int fd) {
  const f_owner_ex owner = {.type = F_OWNER_TID, .pid = gettid()};
  fcntl(fd, F_SETOWN_EX, &owner);
  fcntl(fd, F_SETSIG, HitNotice());
  fcntl(fd, F_SETFL, O_ASYNC);
}

}  // namespace

absl::Status PerfBreakpoints::Set(absl::Span<const pid_t> threads, Address address) {
  perf_event_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  attr.type = PERF_TYPE_BREAKPOINT;
  attr.size = sizeof(attr);
  attr.bp_type = HW_BREAKPOINT_X;
  attr.bp_addr = address.value();
  attr.bp_len = sizeof(long);
  attr.sample_period = 1;
  attr.sigtrap = 1;
  attr.remove_on_exec = 1;  // goes with sigtrap
  attr.inherit = 1;
  attr.inherit_thread = 1;
  attr.exclude_kernel = 1;
  attr.exclude_hv = 1;
  for (const pid_t tid : threads) {
    UniqueFd fd(static_cast<int>(syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd.ok() && errno == ESRCH) continue;  // it has ended
    if (!fd.ok()) {
      const int error = errno;
      Remove(threads, address);
      return SetError(error);
    }
    SendNotices(fd.get());
    set_.emplace_back(address, std::move(fd));
  }
  return absl::OkStatus();
}

void PerfBreakpoints::Remove(absl::Span<const pid_t>, Address address) {
  std::erase_if(set_, [address](const auto& each) { return each.first == address; });
}

void PerfBreakpoints::Suspend() {
  // This is of those that other threads have inherited, too.
  for (const auto& [address, fd] : set_) ioctl(fd.get(), PERF_EVENT_IOC_DISABLE, 0);
}

void PerfBreakpoints::Resume() {
  for (const auto& [address, fd] : set_) ioctl(fd.get(), PERF_EVENT_IOC_ENABLE, 0);
}

bool PerfBreakpoints::IsHit(const siginfo_t& info) const {
  return info.si_signo == SIGTRAP && info.si_code == kTrapPerf;
}

}  // namespace pysnap
