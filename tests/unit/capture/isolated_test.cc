#include "snapshotter/capture/isolated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>

namespace pysnap {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Outcome {
  std::map<size_t, std::string> done;
  std::map<size_t, absl::Status> failed;
};

Outcome Do(size_t count,
           absl::FunctionRef<void(size_t, std::string&)> work,
           std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  Outcome outcome;
  const auto done = [&](size_t i, absl::string_view out) { outcome.done[i] = std::string(out); };
  const auto failed = [&](size_t i, const absl::Status& status) { outcome.failed[i] = status; };
  RunIsolated(count, timeout, {work, done, failed});
  EXPECT_EQ(outcome.done.size() + outcome.failed.size(), count);
  // Nothing of it is left.
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  return outcome;
}

TEST(IsolatedTest, GivesEveryResult) {
  const Outcome outcome = Do(100, [](size_t i, std::string& out) { out += std::string(i * 1000, 'x'); });
  ASSERT_THAT(outcome.done, SizeIs(100));
  EXPECT_EQ(outcome.done.at(0), "");
  EXPECT_EQ(outcome.done.at(99), std::string(99'000, 'x'));
}

TEST(IsolatedTest, NothingToDo) {
  EXPECT_THAT(Do(0, [](size_t, std::string&) {}).done, SizeIs(0));
}

TEST(IsolatedTest, ADeathCostsOnlyItsItem) {
  const Outcome outcome = Do(10, [](size_t i, std::string& out) {
    out += "fine";
    if (i == 3) kill(getpid(), SIGKILL);
    if (i == 7) _exit(0);
  });
  EXPECT_THAT(outcome.done, SizeIs(8));
  EXPECT_THAT(std::string(outcome.failed.at(3).message()), HasSubstr("SIGKILL"));
  EXPECT_THAT(std::string(outcome.failed.at(7).message()), HasSubstr("ended early"));
}

TEST(IsolatedTest, ManyDeathsEndIt) {
  const Outcome outcome = Do(1000, [](size_t, std::string&) { _exit(1); });
  EXPECT_THAT(outcome.failed, SizeIs(1000));
}

TEST(IsolatedTest, TimeRunsOut) {
  const auto work = [](size_t i, std::string& out) {
    out += "fine";
    while (i == 1) pause();
  };
  const Outcome outcome = Do(3, work, std::chrono::milliseconds(200));
  EXPECT_THAT(outcome.done, SizeIs(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.failed.at(1)));
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.failed.at(2)));
}

TEST(IsolatedTest, NothingOfOursChanges) {
  int value = 1;
  Do(1, [&](size_t, std::string&) { value = 2; });
  EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace pysnap
