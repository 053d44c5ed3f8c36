#include "snapshotter/supervise/adaptive_spin.h"

#include <algorithm>

namespace pysnap {

bool AdaptiveSpin::Again(Clock::time_point now) {
  if (!enabled_ || state_ == State::kSleeping) return false;
  if (state_ == State::kIdle) {
    if (left_ > 0) {
      --left_;
      state_ = State::kSleeping;
      return false;
    }
    state_ = State::kSpinning;
    begin_ = now;
  }
  if (now - begin_ < window_) return true;
  state_ = State::kSleeping;
  left_ = skipped_ = std::min(2 * skipped_ + 1, kMaxSkipped);
  return false;
}

void AdaptiveSpin::OnEvent() {
  if (state_ == State::kSpinning) skipped_ /= 2;
  state_ = State::kIdle;
}

}  // namespace pysnap
