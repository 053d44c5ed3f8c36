// System calls that wait, as a thread was stopped in them.
#ifndef PYSNAP_PROCESS_SYSTEM_CALLS_H_
#define PYSNAP_PROCESS_SYSTEM_CALLS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/registers.h"

namespace pysnap {

// What is known of one. All of it is read at once: the arguments may lie on the thread's stack.
struct WaitingCall {
  std::string name;  // "futex"; its number where it has no name here
  bool has_timeout = false;
  std::vector<int32_t> fds;  // that it reads, writes, or waits for; not those that an epoll descriptor stands for
  // Of a futex where it is, and the word before it; null for any other call.
  Address futex;
  Address before_futex;
  // It waits, without a timeout, for a change of a word of this process alone, which has not changed: nothing but
  // another of its threads, or a signal, makes it go on.
  bool parked = false;
};

WaitingCall DescribeCall(const SystemCall& call, Memory& memory);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_SYSTEM_CALLS_H_
