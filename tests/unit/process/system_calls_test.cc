#include "snapshotter/process/system_calls.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <cstring>

#include "tests/unit/memory/fake_memory.h"

namespace pysnap {
namespace {

constexpr uint64_t kWord = 0x10010;
constexpr uint64_t kPage = 4096;

class ParkedTest : public ::testing::Test {
 protected:
  ParkedTest() {
    memory_.Map(kWord / kPage * kPage, kPage);
    for (uint64_t i = 0; i < sizeof(word_); ++i) word_ |= static_cast<uint32_t>(memory_.Now(kWord + i)) << 8 * i;
  }

  bool IsParked(uint64_t operation, uint64_t value, uint64_t timeout, uint64_t word = kWord, int64_t call = SYS_futex) {
    return DescribeCall({.number = call, .arguments = {word, operation, value, timeout}}, memory_).parked;
  }

  testing::FakeMemory memory_;
  uint32_t word_ = 0;
};

TEST_F(ParkedTest, WaitsForAPrivateWordThatHasNotChanged) {
  EXPECT_TRUE(IsParked(FUTEX_WAIT_PRIVATE, word_, 0));
  EXPECT_TRUE(IsParked(FUTEX_WAIT_BITSET_PRIVATE, word_, 0));
  EXPECT_TRUE(IsParked(FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, word_, 0));
  // An int is passed in a register whose upper half may hold anything.
  EXPECT_TRUE(IsParked(FUTEX_WAIT_PRIVATE, word_ | uint64_t{1} << 40, 0));
}

TEST_F(ParkedTest, AnythingElseMayEnd) {
  EXPECT_FALSE(IsParked(FUTEX_WAIT, word_, 0)) << "another process may wake it";
  EXPECT_FALSE(IsParked(FUTEX_WAIT_PRIVATE, word_, 0x20000)) << "a timeout";
  EXPECT_FALSE(IsParked(FUTEX_WAIT_PRIVATE, word_ + 1, 0)) << "it has changed";
  EXPECT_FALSE(IsParked(FUTEX_WAIT_PRIVATE, word_, 0, kWord + kPage)) << "it cannot be read";
  EXPECT_FALSE(IsParked(FUTEX_LOCK_PI_PRIVATE, word_, 0));
  EXPECT_FALSE(IsParked(FUTEX_WAIT_PRIVATE, word_, 0, kWord, SYS_read));
}

}  // namespace
}  // namespace pysnap
