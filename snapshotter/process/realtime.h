// What has to be done at once, whatever else the machine has to do.
#ifndef PYSNAP_PROCESS_REALTIME_H_
#define PYSNAP_PROCESS_REALTIME_H_

#include <sched.h>

namespace pysnap {

// While it exists, the calling thread runs before anything that does not ask for the same, where that is permitted
// (root, CAP_SYS_NICE, RLIMIT_RTPRIO): also before what has the priority that the thread had, as a real-time program
// has that was started with it. What it forks does not. Within another guard it changes nothing.
class RealtimeGuard {
 public:
  RealtimeGuard();
  ~RealtimeGuard();
  RealtimeGuard(const RealtimeGuard&) = delete;
  RealtimeGuard& operator=(const RealtimeGuard&) = delete;

 private:
  int policy_ = -1;
  sched_param param_{};
  bool set_ = false;
};

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_REALTIME_H_
