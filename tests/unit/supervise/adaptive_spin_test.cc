#include "snapshotter/supervise/adaptive_spin.h"

#include <gtest/gtest.h>

namespace pysnap {
namespace {

using std::chrono::microseconds;

class AdaptiveSpinTest : public ::testing::Test {
 protected:
  static constexpr microseconds kWindow{60};

  // A wait that ends with an event after so long. Returns whether it was spinning when that came.
  bool Wait(AdaptiveSpin& spin, microseconds event) {
    const AdaptiveSpin::Clock::time_point begin = now_;
    bool spins = true;
    for (; now_ - begin < event; now_ += microseconds(1)) {
      const bool again = spin.Again(now_);
      EXPECT_FALSE(again && !spins) << "it was asleep";
      spins = again;
    }
    spin.OnEvent();
    return spins;
  }

  // Of so many waits for an event that comes too late, how many have spun.
  int SpunInVain(AdaptiveSpin& spin, int waits) {
    int spun = 0;
    for (int i = 0; i < waits; ++i) {
      spun += spin.Again(now_) ? 1 : 0;
      now_ += kWindow;
      EXPECT_FALSE(spin.Again(now_));
      spin.OnEvent();
    }
    return spun;
  }

  AdaptiveSpin::Clock::time_point now_;
};

TEST_F(AdaptiveSpinTest, SpinsAsLongAsEventsComeSoon) {
  AdaptiveSpin spin(kWindow, true);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(Wait(spin, microseconds(i % 60 + 1)));
}

TEST_F(AdaptiveSpinTest, EndsWithTheWindow) {
  AdaptiveSpin spin(kWindow, true);
  EXPECT_TRUE(spin.Again(now_));
  EXPECT_TRUE(spin.Again(now_ + kWindow - microseconds(1)));
  EXPECT_FALSE(spin.Again(now_ + kWindow));
  // A clock that stood still would not make it begin again.
  EXPECT_FALSE(spin.Again(now_));
}

TEST_F(AdaptiveSpinTest, SleepsMoreAndMoreOftenWhereItIsInVain) {
  AdaptiveSpin spin(kWindow, true);
  // 1 of 2, 1 of 4, and so on up to 1 of 64.
  for (int waits = 2; waits <= 64; waits *= 2) EXPECT_EQ(SpunInVain(spin, waits), 1) << waits;
  EXPECT_EQ(SpunInVain(spin, 6400), 100);
}

TEST_F(AdaptiveSpinTest, SpinsAgainWhenThatIsOfUse) {
  AdaptiveSpin spin(kWindow, true);
  SpunInVain(spin, 1000);
  int spun = 0;
  for (int i = 0; i < 1000; ++i) spun += Wait(spin, microseconds(10)) ? 1 : 0;
  // All but those that were still to be slept through.
  EXPECT_GE(spun, 1000 - 63);
  EXPECT_TRUE(Wait(spin, microseconds(10)));
}

TEST_F(AdaptiveSpinTest, NeverWhereItIsNotEnabled) {
  AdaptiveSpin spin(kWindow, false);
  EXPECT_EQ(SpunInVain(spin, 100), 0);
}

}  // namespace
}  // namespace pysnap
