#include "snapshotter/supervise/debug_registers.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/unit/process/child.h"
#include "tests/unit/process/shared.h"

namespace pysnap {
namespace {

using testing::Child;
using testing::SharedTest;

class ClearDebugRegistersTest : public SharedTest {};

// As the guardian does: in a process of its own, which is not the parent.
void ClearFromElsewhere(pid_t pid, std::atomic<bool>& begun) {
  Child guardian([&] {
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_signal, nullptr);
    begun = true;
    ClearDebugRegisters(pid);
    Child::Ready();
  });
  EXPECT_EQ(guardian.value(), 0);
}

TEST_F(ClearDebugRegistersTest, ProgramGoesOn) {
  Child child([&] {
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    for (int i = 0; i < 3; ++i) {
      std::thread([this, i] {
        while (true) shared_->counters[i].fetch_add(1);
      }).detach();
    }
    Child::Ready();
  });
  ClearFromElsewhere(child.pid(), shared_->done);
  AwaitProgress(3);
}

TEST_F(ClearDebugRegistersTest, ProgramMayEndMeanwhile) {
  for (int round = 0; round < 50; ++round) {
    shared_->done = false;
    Child child([&] {
      prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
      // So many that attaching to them takes its time.
      for (int i = 0; i < 100; ++i) {
        std::thread([] {
          while (true) pause();
        }).detach();
      }
      Child::Ready();
      while (!shared_->done) {
      }
      for (int i = 0; i < round; ++i) sched_yield();
      _exit(3);
    });
    ClearFromElsewhere(child.pid(), shared_->done);  // hangs when an end is not taken
    EXPECT_EQ(child.WaitStatus(), 3);
  }
}

}  // namespace
}  // namespace pysnap
