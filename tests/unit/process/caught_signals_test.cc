#include "snapshotter/process/caught_signals.h"

#include <gtest/gtest.h>

#include <thread>

#include "snapshotter/process/proc_files.h"
#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

TEST(CaughtSignals, AreThoseWithAHandler) {
  const testing::Child child([] {
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    signal(SIGUSR1, [](int) {});
    signal(SIGRTMAX, [](int) {});
    signal(SIGUSR2, SIG_IGN);
    // For its threads the C library catches signals of its own.
    std::thread([] {}).join();
    testing::Child::Ready();
  });
  const absl::StatusOr<UniqueFd> dir = OpenProcDir(child.pid());
  ASSERT_TRUE(dir.ok()) << dir.status();
  const absl::StatusOr<uint64_t> caught = ReadCaughtSignals(dir->get());
  ASSERT_TRUE(caught.ok()) << caught.status();
  EXPECT_EQ(*caught, uint64_t{1} << (SIGUSR1 - 1) | uint64_t{1} << (SIGRTMAX - 1));
}

TEST(CaughtSignals, OfAProcessThatIsGoneAreNotFound) {
  absl::StatusOr<UniqueFd> dir = absl::NotFoundError("");
  {
    const testing::Child child([] { testing::Child::Ready(); });
    dir = OpenProcDir(child.pid());
    ASSERT_TRUE(dir.ok()) << dir.status();
  }
  EXPECT_EQ(ReadCaughtSignals(dir->get()).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pysnap
