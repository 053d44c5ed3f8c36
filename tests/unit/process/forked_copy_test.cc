#include "snapshotter/process/forked_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tests/unit/process/child.h"
#include "tests/unit/process/shared.h"

namespace pysnap {
namespace {

using testing::Child;
using ::testing::HasSubstr;
using testing::Shared;
using testing::SharedTest;

// The children of a process, zombies too, as /proc lists them.
std::string ChildrenOf(pid_t pid) {
  std::string children;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"), children);
  return children;
}

class ForkedCopyTest : public SharedTest {
 protected:
  static absl::StatusOr<PauseReport> Copy(pid_t pid, const std::function<void(LiveTarget&, PausedProcess&)>& read) {
    return PauseBy(pid, PauseMode::kFork, read);
  }
  static absl::Status CopyStatus(pid_t pid) {
    return Copy(pid, [](LiveTarget&, PausedProcess&) {}).status();
  }
};

volatile uint64_t private_counter = 0;

TEST_F(ForkedCopyTest, IsReadWhileTheTargetRunsOn) {
  Child child([&] {
    std::thread([&] {
      while (true) {
        private_counter = private_counter + 1;
        shared_->counters[0].fetch_add(1);
      }
    }).detach();
    Child::Ready();
  });
  AwaitProgress(1);
  const Address address(reinterpret_cast<uint64_t>(&private_counter));
  const auto report = Copy(child.pid(), [&](LiveTarget& target, PausedProcess& paused) {
    EXPECT_EQ(TracerOf(child.pid()), "0");
    ASSERT_EQ(paused.threads().size(), 2u);
    EXPECT_TRUE(paused.threads()[0].stopped);
    EXPECT_TRUE(paused.ReadRegisters(child.pid()).ok());
    EXPECT_FALSE(paused.ReadRegisters(1).ok());
    const auto before = target.memory().ReadValue<uint64_t>(address);
    ASSERT_TRUE(before.ok()) << before.status();
    EXPECT_GT(*before, 0u);
    AwaitProgress(1);
    EXPECT_EQ(*target.memory().ReadValue<uint64_t>(address), *before);
    EXPECT_FALSE(target.memory().ReadValue<uint64_t>(Address()).ok());
  });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->pause_ns(), 0);
  EXPECT_EQ(ChildrenOf(child.pid()), "");
  AwaitProgress(1);
}

TEST_F(ForkedCopyTest, LeavesNoTraceAmongTheChildren) {
  Child child([&] {
    static Shared* shared;
    shared = shared_;
    signal(SIGCHLD, [](int) { shared->signals.fetch_add(1); });
    Child::Ready();
    // Whoever waits for all its children meets only those it has.
    for (int i = 0;; ++i) {
      const pid_t inner = fork();
      if (inner == 0) _exit(i & 0x7f);
      int status = 0;
      if (waitpid(-1, &status, 0) != inner || WEXITSTATUS(status) != (i & 0x7f)) shared->errors.fetch_add(1);
      if (waitpid(-1, &status, 0) != -1 || errno != ECHILD) shared->errors.fetch_add(1);
      if (shared->signals != i + 1) shared->errors.fetch_add(1);
      shared->counters[0].fetch_add(1);
    }
  });
  for (int round = 0; round < 30; ++round) {
    const absl::Status status = CopyStatus(child.pid());
    // It may be caught while it takes a signal, and has but this thread.
    if (absl::IsAborted(status)) continue;
    EXPECT_TRUE(status.ok()) << status;
    AwaitProgress(1);
  }
  EXPECT_EQ(shared_->errors, 0);
  EXPECT_EQ(TracerOf(child.pid()), "0");
}

// Each waits in the kernel until the pipe or the futex wakes it, and returns true when it was told nothing wrong.
struct Blocking {
  const char* name;
  std::function<bool(int fd, Shared* shared)> wait;
};
class ForkedCopyOfBlockedTest : public ForkedCopyTest, public ::testing::WithParamInterface<Blocking> {};

TEST_P(ForkedCopyOfBlockedTest, GoesOnWaiting) {
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  Child child([&] {
    close(go[1]);
    Child::Ready();
    shared_->errors = GetParam().wait(go[0], shared_) ? 0 : 1;
    while (true) shared_->counters[0].fetch_add(1);
  });
  close(go[0]);
  AwaitState(child.pid(), "S");
  for (int round = 0; round < 5; ++round) {
    const absl::Status status = CopyStatus(child.pid());
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(ChildrenOf(child.pid()), "");
    AwaitState(child.pid(), "S");
  }
  EXPECT_EQ(shared_->counters[0], 0u);
  shared_->signals = 1;
  syscall(SYS_futex, &shared_->signals, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  kill(child.pid(), SIGUSR1);
  EXPECT_EQ(write(go[1], "x", 1), 1);
  AwaitProgress(1);
  EXPECT_EQ(shared_->errors, 0);
  close(go[1]);
}

char byte_read;
void TakeSignal(int) {}
constexpr timespec kLong = {.tv_sec = 1000, .tv_nsec = 0};

INSTANTIATE_TEST_SUITE_P(
    Calls,
    ForkedCopyOfBlockedTest,
    ::testing::Values(Blocking{"read",
                               [](int fd, Shared*) {
                                 signal(SIGUSR1, SIG_IGN);
                                 return syscall(SYS_read, fd, &byte_read, 1) == 1;
                               }},
                      Blocking{"poll",
                               [](int fd, Shared*) {
                                 signal(SIGUSR1, SIG_IGN);
                                 pollfd poll_fd = {fd, POLLIN, 0};
                                 return syscall(SYS_poll, &poll_fd, 1, 1000'000) == 1;
                               }},
                      Blocking{"ppoll",
                               [](int fd, Shared*) {
                                 signal(SIGUSR1, SIG_IGN);
                                 pollfd poll_fd = {fd, POLLIN, 0};
                                 timespec timeout = kLong;
                                 sigset_t set, after;
                                 sigfillset(&set);
                                 const bool right = ppoll(&poll_fd, 1, &timeout, &set) == 1;
                                 pthread_sigmask(SIG_BLOCK, nullptr, &after);
                                 return right && sigisemptyset(&after) == 1;
                               }},
                      Blocking{"epoll_wait",
                               [](int fd, Shared*) {
                                 // The one call that is interrupted when a tracer stops it (signal(7)), as every
                                 // program has to expect of it.
                                 signal(SIGUSR1, SIG_IGN);
                                 const int epoll = epoll_create1(0);
                                 epoll_event event = {EPOLLIN, {}};
                                 epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
                                 int got;
                                 while ((got = epoll_wait(epoll, &event, 1, 1000'000)) < 0 && errno == EINTR) {
                                 }
                                 return got == 1;
                               }},
                      Blocking{"futex",
                               [](int, Shared* shared) {
                                 signal(SIGUSR1, SIG_IGN);
                                 return syscall(SYS_futex, &shared->signals, FUTEX_WAIT, 0, nullptr, nullptr, 0) == 0;
                               }},
                      Blocking{"futex_with_timeout",
                               [](int, Shared* shared) {
                                 signal(SIGUSR1, SIG_IGN);
                                 return syscall(SYS_futex, &shared->signals, FUTEX_WAIT, 0, &kLong, nullptr, 0) == 0;
                               }},
                      Blocking{"nanosleep",
                               [](int, Shared*) {
                                 signal(SIGUSR1, TakeSignal);
                                 timespec left = {};
                                 const bool right = nanosleep(&kLong, &left) == -1 && errno == EINTR;
                                 return right && left.tv_sec > 0;
                               }},
                      Blocking{"sigsuspend",
                               [](int, Shared*) {
                                 sigset_t set, after;
                                 sigemptyset(&set);
                                 sigaddset(&set, SIGUSR1);
                                 pthread_sigmask(SIG_BLOCK, &set, nullptr);
                                 signal(SIGUSR1, TakeSignal);
                                 sigset_t none;
                                 sigemptyset(&none);
                                 const bool right = sigsuspend(&none) == -1 && errno == EINTR;
                                 pthread_sigmask(SIG_BLOCK, nullptr, &after);
                                 return right && sigismember(&after, SIGUSR1) == 1;
                               }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(ForkedCopyTest, KeepsRegistersAndSignalActions) {
  Child child([&] {
    signal(SIGTRAP, SIG_IGN);
    signal(SIGUSR1, TakeSignal);
    Child::Ready();
    // Computes in user mode only, with values in every kind of register.
    double x = 1;
    uint64_t a = 1;
    uint64_t b = 2;
    for (uint64_t i = 0;; ++i) {
      a = a * 6364136223846793005u + 1442695040888963407u;
      b ^= a >> 7;
      x += static_cast<double>(i % 3) - 1;
      if (i % 3 == 2 && x != 1) shared_->errors = 1;
      if (i % (1 << 20) == 0) shared_->counters[1] = b;
      shared_->counters[0].store(i, std::memory_order_relaxed);
    }
  });
  for (int round = 0; round < 20; ++round) {
    const absl::Status status = CopyStatus(child.pid());
    ASSERT_TRUE(status.ok()) << status;
    AwaitProgress(1);
  }
  EXPECT_EQ(shared_->errors, 0);
  EXPECT_EQ(std::stoull(StatusOf(child.pid(), "SigIgn"), nullptr, 16) >> (SIGTRAP - 1) & 1, 1u);
  EXPECT_EQ(std::stoull(StatusOf(child.pid(), "SigCgt"), nullptr, 16) >> (SIGUSR1 - 1) & 1, 1u);
  EXPECT_EQ(std::stoull(StatusOf(child.pid(), "SigBlk"), nullptr, 16), 0u);
}

TEST_F(ForkedCopyTest, DoesNotHoldOpenWhatTheTargetCloses) {
  int in[2], out[2];
  ASSERT_EQ(pipe(in), 0);
  ASSERT_EQ(pipe(out), 0);
  Child child([&] {
    close(in[1]);
    close(out[0]);
    Child::Ready();
    char byte;
    while (read(in[0], &byte, 1) != 0) {
    }
    close(out[1]);
  });
  // Somebody else, so that pysnap's own processes have no part in it.
  Child other([&] {
    close(in[0]);
    close(out[1]);
    Child::Ready();
    while (shared_->signals == 0) sched_yield();
    close(in[1]);
    char byte;
    if (read(out[0], &byte, 1) != 0) shared_->errors = 1;  // waits for the copy's end, if that has it open
    shared_->signals = 2;
  });
  for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
  const auto report = Copy(child.pid(), [&](LiveTarget&, PausedProcess&) {
    shared_->signals = 1;
    while (shared_->signals == 1) sched_yield();
  });
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(shared_->errors, 0);
}

TEST_F(ForkedCopyTest, RefusesAProcessUnderSeccomp) {
  Child child([&] {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    sock_fprog program = {1, &allow};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(9);
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  const absl::Status status = CopyStatus(child.pid());
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("seccomp"));
  AwaitProgress(1);
}

TEST_F(ForkedCopyTest, RefusesAStoppedProcess) {
  Child child([&] {
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  kill(child.pid(), SIGSTOP);
  ASSERT_EQ(waitpid(child.pid(), nullptr, WUNTRACED), child.pid());
  EXPECT_TRUE(absl::IsAborted(CopyStatus(child.pid())));
  AwaitState(child.pid(), "T");
  kill(child.pid(), SIGCONT);
  AwaitProgress(1);
}

TEST_F(ForkedCopyTest, AKernelThatRefusesLeavesTheTargetAsItWas) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be a user with no processes to spare";
  Child child([&] {
    const rlimit limit = {0, 0};
    if (setgid(65533) != 0 || setrlimit(RLIMIT_NPROC, &limit) != 0 || setuid(65533) != 0) _exit(9);
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  const absl::Status status = CopyStatus(child.pid());
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("the kernel refuses to copy"));
  AwaitProgress(1);
}

TEST_F(ForkedCopyTest, EndsWithoutTraceWhenTheReaderIsKilled) {
  Child child([&] {
    for (int i = 0; i < 3; ++i) {
      std::thread([this, i] {
        while (true) shared_->counters[i].fetch_add(1);
      }).detach();
    }
    Child::Ready();
  });
  const auto reader = [&](bool at_once) {
    return std::make_unique<Child>([&child, at_once] {
      if (at_once) Child::Ready();
      Copy(child.pid(), [at_once](LiveTarget&, PausedProcess&) {
        if (!at_once) Child::Ready();
        while (true) pause();
      }).IgnoreError();
      _exit(1);
    });
  };
  // While it reads.
  auto killed = reader(false);
  ASSERT_EQ(killed->value(), 0);
  EXPECT_NE(ChildrenOf(child.pid()), "");
  killed.reset();
  while (!ChildrenOf(child.pid()).empty()) sched_yield();
  AwaitProgress(3);
  // At other moments.
  for (int i = 0; i < 50; ++i) {
    killed = reader(true);
    for (int spin = 0; spin < i * 4; ++spin) sched_yield();
    killed.reset();
  }
  AwaitProgress(3);
  while (!ChildrenOf(child.pid()).empty() || TracerOf(child.pid()) != "0") sched_yield();
  AwaitProgress(3);
}

}  // namespace
}  // namespace pysnap
