#include "snapshotter/supervise/killed_memory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;

// A child with memory of its own, killed and held before its exit.
class KilledMemoryTest : public ::testing::Test {
 protected:
  KilledMemoryTest()
      : child_([] {
          static std::vector<char> memory(16 << 20, 1);
          Child::Ready();
        }) {}

  void SetUp() override {
    ASSERT_EQ(ptrace(PTRACE_SEIZE, pid(), nullptr, PTRACE_O_TRACEEXIT), 0);
    ASSERT_EQ(kill(pid(), SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(pid(), &status, __WALL), pid());
    ASSERT_EQ(status >> 8, SIGTRAP | (PTRACE_EVENT_EXIT << 8));
  }

  void TearDown() override { ptrace(PTRACE_CONT, pid(), nullptr, nullptr); }

  // As the kernel does for want of memory. False where that is not to be had.
  bool Reap() const {
    const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid(), 0));
    const bool reaped = fd >= 0 && syscall(SYS_process_mrelease, fd, 0) == 0;
    close(fd);
    return reaped;
  }

  pid_t pid() const { return child_.pid(); }

 private:
  Child child_;
};

TEST_F(KilledMemoryTest, IsThere) {
  const KilledMemory memory(pid());
  EXPECT_FALSE(memory.IsTaken());
}

TEST_F(KilledMemoryTest, IsTakenLater) {
  const KilledMemory memory(pid());
  if (!Reap()) GTEST_SKIP() << "process_mrelease() came with Linux 5.15";
  EXPECT_TRUE(memory.IsTaken());
}

TEST_F(KilledMemoryTest, WasTakenBefore) {
  if (!Reap()) GTEST_SKIP() << "process_mrelease() came with Linux 5.15";
  const KilledMemory memory(pid());
  EXPECT_TRUE(memory.IsTaken());
}

}  // namespace
}  // namespace pysnap
