#include "snapshotter/process/realtime.h"

#include <algorithm>

namespace pysnap {

RealtimeGuard::RealtimeGuard() {
  policy_ = sched_getscheduler(0);
  if (policy_ < 0 || sched_getparam(0, &param_) != 0) return;
  const int policy = policy_ & ~SCHED_RESET_ON_FORK;
  const bool is_realtime = policy == SCHED_FIFO || policy == SCHED_RR;
  // Another guard has done it, or the thread runs by deadlines, which is before all others.
  if ((is_realtime && policy != policy_) || policy == SCHED_DEADLINE) return;
  sched_param param{};
  param.sched_priority = is_realtime ? param_.sched_priority + 1 : 1;
  param.sched_priority = std::min(param.sched_priority, sched_get_priority_max(SCHED_FIFO));
  set_ = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0;
  if (set_ || !is_realtime) return;
  set_ = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param_) == 0;
}

RealtimeGuard::~RealtimeGuard() {
  if (set_) sched_setscheduler(0, policy_, &param_);
}

}  // namespace pysnap
