#include "snapshotter/process/system_calls.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxDescriptors = 1024;

enum class Kind {
  kOther,
  kFutex,       // word, operation, value, timeout
  kDescriptor,  // the first argument is one
  kPoll,        // pollfds, how many, timeout in milliseconds
  kPPoll,       // the same, timeout as a timespec
  kSelect,      // how many, three sets, timeout
  kEpoll,       // epoll descriptor, events, how many, timeout in milliseconds
  kEpoll2,      // the same, timeout as a timespec
  kSleep,
};

struct Known {
  int64_t number;
  const char* name;
  Kind kind;
};

constexpr Known kKnown[] = {
    {SYS_futex, "futex", Kind::kFutex},
    {SYS_read, "read", Kind::kDescriptor},
    {SYS_write, "write", Kind::kDescriptor},
    {SYS_pread64, "pread64", Kind::kDescriptor},
    {SYS_pwrite64, "pwrite64", Kind::kDescriptor},
    {SYS_readv, "readv", Kind::kDescriptor},
    {SYS_writev, "writev", Kind::kDescriptor},
    {SYS_ioctl, "ioctl", Kind::kDescriptor},
    {SYS_fsync, "fsync", Kind::kDescriptor},
    {SYS_flock, "flock", Kind::kDescriptor},
    {SYS_fcntl, "fcntl", Kind::kDescriptor},
    {SYS_connect, "connect", Kind::kDescriptor},
    {SYS_accept, "accept", Kind::kDescriptor},
    {SYS_accept4, "accept4", Kind::kDescriptor},
    {SYS_sendto, "sendto", Kind::kDescriptor},
    {SYS_recvfrom, "recvfrom", Kind::kDescriptor},
    {SYS_sendmsg, "sendmsg", Kind::kDescriptor},
    {SYS_recvmsg, "recvmsg", Kind::kDescriptor},
#ifdef SYS_poll
    {SYS_poll, "poll", Kind::kPoll},
    {SYS_select, "select", Kind::kSelect},
    {SYS_epoll_wait, "epoll_wait", Kind::kEpoll},
    {SYS_pause, "pause", Kind::kOther},
#endif
    {SYS_ppoll, "ppoll", Kind::kPPoll},
    {SYS_pselect6, "pselect6", Kind::kSelect},
    {SYS_epoll_pwait, "epoll_pwait", Kind::kEpoll},
#ifdef SYS_epoll_pwait2
    {SYS_epoll_pwait2, "epoll_pwait2", Kind::kEpoll2},
#endif
    {SYS_nanosleep, "nanosleep", Kind::kSleep},
    {SYS_clock_nanosleep, "clock_nanosleep", Kind::kSleep},
    {SYS_wait4, "wait4", Kind::kOther},
    {SYS_waitid, "waitid", Kind::kOther},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait", Kind::kOther},
    {SYS_rt_sigsuspend, "rt_sigsuspend", Kind::kOther},
};

bool IsLimited(uint64_t milliseconds) { return static_cast<int32_t>(milliseconds) >= 0; }

std::vector<int32_t> Polled(Memory& memory, Address first, uint64_t count) {
  std::vector<pollfd> polled;
  std::vector<int32_t> fds;
  if (!memory.ReadArray(first, std::min(count, kMaxDescriptors), polled).ok()) return fds;
  for (const pollfd& each : polled) {
    if (each.fd >= 0) fds.push_back(each.fd);
  }
  return fds;
}

std::vector<int32_t> Selected(Memory& memory, const SystemCall& call) {
  constexpr uint64_t kBits = 64;
  const uint64_t count = std::min(call.arguments[0], kMaxDescriptors);
  std::vector<int32_t> fds;
  for (size_t set = 1; set <= 3; ++set) {
    std::vector<uint64_t> words;
    if (call.arguments[set] == 0) continue;
    if (!memory.ReadArray(Address(call.arguments[set]), (count + kBits - 1) / kBits, words).ok()) continue;
    for (uint64_t fd = 0; fd < count; ++fd) {
      if ((words[fd / kBits] >> fd % kBits & 1) != 0) fds.push_back(static_cast<int32_t>(fd));
    }
  }
  std::sort(fds.begin(), fds.end());
  fds.erase(std::unique(fds.begin(), fds.end()), fds.end());
  return fds;
}

// FUTEX_WAIT and FUTEX_WAIT_BITSET: word, operation, the value that it has, timeout.
bool IsParked(const SystemCall& call, Memory& memory) {
  const auto operation = static_cast<uint32_t>(call.arguments[1]);
  const uint32_t command = operation & FUTEX_CMD_MASK;
  if ((operation & FUTEX_PRIVATE_FLAG) == 0 || (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET)) return false;
  if (call.arguments[3] != 0) return false;
  const absl::StatusOr<uint32_t> word = memory.ReadValue<uint32_t>(Address(call.arguments[0]));
  return word.ok() && *word == static_cast<uint32_t>(call.arguments[2]);
}

}  // namespace

WaitingCall DescribeCall(const SystemCall& call, Memory& memory) {
  WaitingCall out;
  const auto* known =
      std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& each) { return each.number == call.number; });
  if (known == std::end(kKnown)) {
    out.name = absl::StrCat("system call ", call.number);
    return out;
  }
  out.name = known->name;
  switch (known->kind) {
    case Kind::kOther:
      break;
    case Kind::kSleep:
      out.has_timeout = true;
      break;
    case Kind::kFutex:
      out.futex = Address(call.arguments[0]);
      out.before_futex = memory.ReadPointer(out.futex - sizeof(uint64_t)).value_or(Address());
      out.has_timeout = call.arguments[3] != 0;
      out.parked = IsParked(call, memory);
      break;
    case Kind::kDescriptor:
      out.fds.push_back(static_cast<int32_t>(call.arguments[0]));
      break;
    case Kind::kPoll:
    case Kind::kPPoll:
      out.fds = Polled(memory, Address(call.arguments[0]), call.arguments[1]);
      out.has_timeout = known->kind == Kind::kPoll ? IsLimited(call.arguments[2]) : call.arguments[2] != 0;
      break;
    case Kind::kSelect:
      out.fds = Selected(memory, call);
      out.has_timeout = call.arguments[4] != 0;
      break;
    case Kind::kEpoll:
    case Kind::kEpoll2:
      out.fds.push_back(static_cast<int32_t>(call.arguments[0]));
      out.has_timeout = known->kind == Kind::kEpoll ? IsLimited(call.arguments[3]) : call.arguments[3] != 0;
      break;
  }
  return out;
}

}  // namespace pysnap
