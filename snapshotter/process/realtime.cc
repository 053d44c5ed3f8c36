#include "snapshotter/process/realtime.h"

namespace pysnap {

RealtimeGuard::RealtimeGuard() {
  policy_ = sched_getscheduler(0);
  if (policy_ < 0 || sched_getparam(0, &param_) != 0) return;
  sched_param param{};
  param.sched_priority = 1;
  set_ = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0;
}

RealtimeGuard::~RealtimeGuard() {
  if (set_) sched_setscheduler(0, policy_, &param_);
}

}  // namespace pysnap
