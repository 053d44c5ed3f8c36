#include "snapshotter/process/realtime.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

namespace pysnap {
namespace {

struct Scheduling {
  int policy = -1;
  int priority = -1;
  bool operator==(const Scheduling& other) const { return policy == other.policy && priority == other.priority; }
};

Scheduling Now() {
  sched_param param{};
  if (sched_getparam(0, &param) != 0) return {};
  return {sched_getscheduler(0), param.sched_priority};
}

bool Become(const Scheduling& scheduling) {
  sched_param param{};
  param.sched_priority = scheduling.priority;
  return sched_setscheduler(0, scheduling.policy, &param) == 0;
}

constexpr int kGuarded = SCHED_FIFO | SCHED_RESET_ON_FORK;

// What a thread is under a guard that began as `before`, within one more, and afterwards.
class RealtimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bool permitted = false;
    std::thread([&] { permitted = Become({SCHED_FIFO, sched_get_priority_max(SCHED_FIFO)}); }).join();
    if (!permitted) GTEST_SKIP() << "real-time scheduling is not permitted";
  }

  // Of a thread of its own: the priority of the others stays.
  static void Expect(const Scheduling& before, const Scheduling& guarded) {
    std::thread([&] {
      ASSERT_TRUE(Become(before));
      {
        const RealtimeGuard guard;
        EXPECT_EQ(Now(), guarded);
        {
          const RealtimeGuard inner;
          EXPECT_EQ(Now(), guarded);
        }
        EXPECT_EQ(Now(), guarded);
      }
      EXPECT_EQ(Now(), before);
    }).join();
  }
};

TEST_F(RealtimeTest, AnOrdinaryThread) { Expect({SCHED_OTHER, 0}, {kGuarded, 1}); }

TEST_F(RealtimeTest, IsAheadOfWhatHasItsPriority) {
  Expect({SCHED_FIFO, 20}, {kGuarded, 21});
  Expect({SCHED_RR, 20}, {kGuarded, 21});
}

TEST_F(RealtimeTest, HasTheHighestPriorityAtMost) {
  const int highest = sched_get_priority_max(SCHED_FIFO);
  Expect({SCHED_FIFO, highest}, {kGuarded, highest});
}

// Exits with 0 where a thread that may not have more than it has keeps that.
[[noreturn]] void GuardWithoutPermission() {
  const rlimit none = {.rlim_cur = 0, .rlim_max = 0};
  if (setrlimit(RLIMIT_RTPRIO, &none) != 0 || setuid(65534) != 0) _exit(2);
  if (Become({SCHED_FIFO, 21})) _exit(3);
  const RealtimeGuard guard;
  _exit(Now() == Scheduling{kGuarded, 20} ? 0 : 1);
}

TEST_F(RealtimeTest, KeepsWhatItHasWhereMoreIsRefused) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to become another user";
  std::thread([] {
    ASSERT_TRUE(Become({SCHED_FIFO, 20}));
    EXPECT_EXIT(GuardWithoutPermission(), ::testing::ExitedWithCode(0), "");
  }).join();
}

}  // namespace
}  // namespace pysnap
