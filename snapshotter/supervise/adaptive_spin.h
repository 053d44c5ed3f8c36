// Whether to look for the next event again and again, or to sleep until it comes.
#ifndef PYSNAP_SUPERVISE_ADAPTIVE_SPIN_H_
#define PYSNAP_SUPERVISE_ADAPTIVE_SPIN_H_

#include <chrono>

namespace pysnap {

// To go to sleep and be woken takes longer than many events are apart. What spins keeps a processor busy, though, and
// where it runs before others it may keep off just the thread that it waits for. So waits spin as long as that is of
// use: each that has seen nothing come doubles the number of those that are slept through before the next that spins,
// each that has seen something halves it.
class AdaptiveSpin {
 public:
  using Clock = std::chrono::steady_clock;

  // A wait spins for no longer than `window`. Without `enabled`, none does.
  AdaptiveSpin(std::chrono::nanoseconds window, bool enabled) : window_(window), enabled_(enabled) {}

  // Nothing has come yet. Returns whether to look again at once. The first call since an event begins a wait.
  bool Again(Clock::time_point now);
  // An event has come.
  void OnEvent();

 private:
  // Another wait spins after so many at the latest: what has changed is found out.
  static constexpr int kMaxSkipped = 63;

  enum class State { kIdle, kSpinning, kSleeping };

  const std::chrono::nanoseconds window_;
  const bool enabled_;
  State state_ = State::kIdle;
  Clock::time_point begin_;
  // How many waits are slept through after one that has spun in vain, and how many of these are left.
  int skipped_ = 0;
  int left_ = 0;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_ADAPTIVE_SPIN_H_
