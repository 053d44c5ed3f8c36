#include "snapshotter/process/pause.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/process/child.h"
#include "tests/unit/process/shared.h"

namespace pysnap {
namespace {

using testing::Child;
using ::testing::HasSubstr;
using testing::Shared;
using testing::SharedTest;

class PauseTest : public SharedTest {};

absl::StatusOr<PauseReport> Pause(pid_t pid, const std::function<void(PausedProcess&)>& read) {
  auto target = LiveTarget::Open(pid);
  if (!target.ok()) return target.status();
  return PauseAndRead(**target, {}, read);
}

TEST_F(PauseTest, NothingMovesInTheMeantime) {
  Child child([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([this, i] {
        while (true) shared_->counters[i].fetch_add(1);
      });
    }
    Child::Ready();
    while (true) pause();
  });
  AwaitProgress(4);
  const auto report = Pause(child.pid(), [&](PausedProcess& paused) {
    EXPECT_EQ(paused.threads().size(), 5u);
    EXPECT_EQ(paused.threads()[0].thread.tid, child.pid());
    for (const PausedThread& thread : paused.threads()) {
      EXPECT_TRUE(thread.stopped) << thread.reason;
      const auto registers = paused.ReadRegisters(thread.thread.tid);
      ASSERT_TRUE(registers.ok()) << registers.status();
      EXPECT_NE(registers->sp, Address());
    }
    EXPECT_FALSE(paused.ReadRegisters(1).ok());
    const std::vector<uint64_t> before = Counters();
    for (int i = 0; i < 1000; ++i) sched_yield();
    EXPECT_EQ(Counters(), before);
  });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->pause_ns(), 0);
  AwaitProgress(4);
  EXPECT_EQ(TracerOf(child.pid()), "0");
}

TEST_F(PauseTest, CatchesEveryThreadOfAProcessThatKeepsStartingThem) {
  Child child([&] {
    Child::Ready();
    while (true) {
      std::vector<std::thread> threads;
      for (int i = 0; i < 8; ++i) threads.emplace_back([this, i] { shared_->counters[i].fetch_add(1); });
      for (std::thread& thread : threads) thread.join();
    }
  });
  for (int round = 0; round < 50; ++round) {
    const auto report = Pause(child.pid(), [&](PausedProcess&) {
      const std::vector<uint64_t> before = Counters();
      for (int i = 0; i < 100; ++i) sched_yield();
      EXPECT_EQ(Counters(), before);
    });
    ASSERT_TRUE(report.ok()) << report.status();
    AwaitProgress(8);
  }
}

TEST_F(PauseTest, LosesNoSignal) {
  Child child([&] {
    static Shared* shared;
    shared = shared_;
    signal(SIGRTMIN, [](int) { shared->signals.fetch_add(1); });
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([this, i] {
        while (true) shared_->counters[i].fetch_add(1);
      });
    }
    Child::Ready();
    while (true) pause();
  });
  int sent = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) {
      if (sigqueue(child.pid(), SIGRTMIN, {}) == 0) ++sent;
    }
  };
  for (int round = 0; round < 100; ++round) {
    std::thread sender([&] { send(20); });
    const auto report = Pause(child.pid(), [&](PausedProcess&) {});
    ASSERT_TRUE(report.ok()) << report.status();
    sender.join();
  }
  while (shared_->signals < sent) sched_yield();
  AwaitProgress(3);
  EXPECT_EQ(shared_->signals, sent);
}

TEST_F(PauseTest, LeavesAStoppedProcessStopped) {
  Child child([&] {
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  kill(child.pid(), SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  for (int round = 0; round < 3; ++round) {
    const auto report = Pause(child.pid(), [&](PausedProcess& paused) {
      EXPECT_TRUE(paused.threads()[0].stopped) << paused.threads()[0].reason;
      EXPECT_EQ(StateOf(child.pid()), "t");
    });
    ASSERT_TRUE(report.ok()) << report.status();
    AwaitState(child.pid(), "T");
  }
  kill(child.pid(), SIGCONT);
  AwaitProgress(1);
}

TEST_F(PauseTest, AStopOrContinueInTheMeantimeTakesEffect) {
  Child child([&] {
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  auto report = Pause(child.pid(), [&](PausedProcess&) { kill(child.pid(), SIGSTOP); });
  ASSERT_TRUE(report.ok()) << report.status();
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  EXPECT_TRUE(WIFSTOPPED(status));
  report = Pause(child.pid(), [&](PausedProcess&) { kill(child.pid(), SIGCONT); });
  ASSERT_TRUE(report.ok()) << report.status();
  AwaitProgress(1);
}

TEST_F(PauseTest, NamesTheDebuggerThatIsThereAlready) {
  Child child([&] {
    Child::Ready();
    while (true) pause();
  });
  Child debugger([&] {
    prctl(PR_SET_NAME, "dbg");
    Child::Ready(ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr) == 0);
  });
  ASSERT_EQ(debugger.value(), 1);
  const auto report = Pause(child.pid(), [](PausedProcess&) { FAIL(); });
  EXPECT_TRUE(absl::IsPermissionDenied(report.status())) << report.status();
  EXPECT_THAT(std::string(report.status().message()),
              HasSubstr("being traced by process " + std::to_string(debugger.pid()) + " (dbg)"));
}

TEST_F(PauseTest, ReportsAThreadThatCannotBeInterrupted) {
  // The parent in vfork waits without being interruptible until its child executes or ends.
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  Child child([&] {
    std::thread([&] {
      while (true) shared_->counters[0].fetch_add(1);
    }).detach();
    std::thread([&] {
      close(go[1]);
      shared_->pid = static_cast<pid_t>(syscall(SYS_gettid));
      const pid_t inner = vfork();
      if (inner == 0) {
        char byte;
        while (read(go[0], &byte, 1) != 0) {
        }
        _exit(0);
      }
      waitpid(inner, nullptr, 0);
      while (true) shared_->counters[1].fetch_add(1);
    }).detach();
    while (shared_->pid == 0) {
    }
    Child::Ready();
    while (true) pause();
  });
  close(go[0]);
  AwaitProgress(1);
  AwaitState(shared_->pid, "D");
  const auto report = Pause(child.pid(), [&](PausedProcess& paused) {
    ASSERT_EQ(paused.threads().size(), 3u);
    for (const PausedThread& thread : paused.threads()) {
      EXPECT_EQ(thread.stopped, thread.thread.tid != shared_->pid);
      if (!thread.stopped) {
        EXPECT_THAT(thread.reason, HasSubstr("state D"));
      }
    }
    const std::vector<uint64_t> before = Counters();
    for (int i = 0; i < 100; ++i) sched_yield();
    EXPECT_EQ(Counters(), before);
  });
  ASSERT_TRUE(report.ok()) << report.status();
  AwaitProgress(1);
  EXPECT_EQ(shared_->counters[1], 0u);
  close(go[1]);  // its child ends
  AwaitProgress(2);
}

TEST_F(PauseTest, SurvivesTheTargetsEnd) {
  Child child([&] {
    std::thread([&] {
      while (true) shared_->counters[0].fetch_add(1);
    }).detach();
    Child::Ready();
  });
  auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  auto report = PauseAndRead(**target, {}, [&](PausedProcess& paused) {
    kill(child.pid(), SIGKILL);
    siginfo_t info;
    // Our own child, but traced by the other thread: it is reported once it is released.
    waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT | WNOHANG);
    while (paused.ReadRegisters(child.pid()).ok()) sched_yield();
    const Address address(reinterpret_cast<uint64_t>(shared_));
    while ((*target)->memory().ReadValue<int>(address).ok()) sched_yield();
  });
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(child.WaitStatus(), SIGKILL);
  // And of one that has ended since it was opened.
  report = PauseAndRead(**target, {}, [&](PausedProcess&) { FAIL(); });
  EXPECT_TRUE(absl::IsNotFound(report.status())) << report.status();
}

TEST_F(PauseTest, NoticesThatAnotherProgramIsExecuted) {
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  Child child([&] {
    close(go[1]);
    Child::Ready();
    char byte;
    while (read(go[0], &byte, 1) != 0) {
    }
    execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  close(go[0]);
  auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  close(go[1]);
  std::string comm;
  while (comm != "sleep") std::getline(std::ifstream("/proc/" + std::to_string(child.pid()) + "/comm"), comm);
  const auto report = PauseAndRead(**target, {}, [](PausedProcess&) { FAIL(); });
  EXPECT_TRUE(absl::IsAborted(report.status())) << report.status();
  EXPECT_EQ(TracerOf(child.pid()), "0");
}

TEST_F(PauseTest, DoesNotReadAnotherProgramInAChildOfVfork) {
  // Its first address space is that of its parent, and lives on when the child has another one.
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  Child parent([&] {
    close(go[1]);
    const pid_t inner = vfork();
    if (inner == 0) {
      shared_->pid = getpid();
      Child::Ready();
      char byte;
      while (read(go[0], &byte, 1) != 0) {
      }
      execl("/bin/sleep", "sleep", "1000", nullptr);
      _exit(1);
    }
  });
  close(go[0]);
  const pid_t child = shared_->pid;
  auto target = LiveTarget::Open(child);
  ASSERT_TRUE(target.ok()) << target.status();
  close(go[1]);
  std::string comm;
  while (comm != "sleep") std::getline(std::ifstream("/proc/" + std::to_string(child) + "/comm"), comm);
  const auto report = PauseAndRead(**target, {}, [](PausedProcess&) { FAIL(); });
  kill(child, SIGKILL);
  EXPECT_TRUE(absl::IsAborted(report.status())) << report.status();
}

TEST_F(PauseTest, PausesAProcessWhoseFirstThreadHasEnded) {
  Child child([&] {
    std::thread([&] {
      Child::Ready();
      while (true) shared_->counters[0].fetch_add(1);
    }).detach();
    syscall(SYS_exit, 0);  // of this thread alone
  });
  AwaitState(child.pid(), "Z");
  const auto report = Pause(child.pid(), [&](PausedProcess& paused) {
    ASSERT_EQ(paused.threads().size(), 1u);
    EXPECT_TRUE(paused.threads()[0].stopped);
  });
  ASSERT_TRUE(report.ok()) << report.status();
  AwaitProgress(1);
}

TEST_F(PauseTest, WithoutStoppingItRunsOn) {
  Child child([&] {
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  const auto report = PauseAndRead(**target, {.mode = PauseMode::kNone}, [&](PausedProcess& paused) {
    AwaitProgress(1);
    ASSERT_EQ(paused.threads().size(), 1u);
    EXPECT_FALSE(paused.threads()[0].stopped);
    EXPECT_FALSE(paused.ReadRegisters(child.pid()).ok());
  });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->pause_ns(), 0);
}

// A process that pauses another one and never lets it go by itself.
std::unique_ptr<Child> Captor(pid_t pid) {
  return std::make_unique<Child>([pid] {
    Pause(pid, [](PausedProcess&) {
      Child::Ready();
      while (true) pause();
    }).IgnoreError();
    _exit(1);
  });
}

TEST_F(PauseTest, GoesOnWhenTheTracerIsKilled) {
  Child child([&] {
    for (int i = 0; i < 3; ++i) {
      std::thread([this, i] {
        while (true) shared_->counters[i].fetch_add(1);
      }).detach();
    }
    Child::Ready();
  });
  AwaitProgress(3);
  auto captor = Captor(child.pid());
  ASSERT_EQ(captor->value(), 0);
  EXPECT_NE(TracerOf(child.pid()), "0");
  captor.reset();  // kill -9
  AwaitProgress(3);
  EXPECT_EQ(TracerOf(child.pid()), "0");
}

TEST_F(PauseTest, StaysStoppedWhenTheTracerIsKilled) {
  Child child([&] {
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  kill(child.pid(), SIGSTOP);
  ASSERT_EQ(waitpid(child.pid(), nullptr, WUNTRACED), child.pid());
  auto captor = Captor(child.pid());
  ASSERT_EQ(captor->value(), 0);
  captor.reset();
  AwaitState(child.pid(), "T");
  kill(child.pid(), SIGCONT);
  AwaitProgress(1);
}

// Waits for ever, without taking this signal.
void Block(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  while (true) pause();
}

TEST_F(PauseTest, LosesNoSignalWhenTheTracerIsKilled) {
  Child child([&] {
    static Shared* shared;
    shared = shared_;
    signal(SIGRTMIN, [](int) { shared->signals.fetch_add(1); });
    // So many that attaching to them takes its time, in which the first is sure to get signals.
    for (int i = 0; i < 100; ++i) std::thread([] { Block(SIGRTMIN); }).detach();
    Child::Ready();
    while (true) shared_->counters[0].fetch_add(1);
  });
  // Signals arrive all the time, so that many a thread is stopped with one. From a process of its own: a fork beside
  // another thread is no good under AddressSanitizer, whose locks the child inherits.
  Child sender([&] {
    Child::Ready();
    while (!shared_->done) {
      if (shared_->signals + 8 > shared_->sent && sigqueue(child.pid(), SIGRTMIN, {}) == 0) ++shared_->sent;
    }
    _exit(0);
  });
  for (int round = 0; round < 30; ++round) {
    auto captor = Captor(child.pid());
    EXPECT_EQ(captor->value(), 0);
    captor.reset();
  }
  shared_->done = true;
  EXPECT_EQ(sender.WaitStatus(), 0);
  while (shared_->signals < shared_->sent) {
    AwaitProgress(1);  // hangs when one was lost
  }
  EXPECT_GT(shared_->sent, 0);
  EXPECT_EQ(shared_->signals, shared_->sent);
}

}  // namespace
}  // namespace pysnap
