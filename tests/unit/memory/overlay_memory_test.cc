#include "snapshotter/memory/overlay_memory.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "tests/unit/memory/fake_memory.h"

namespace pysnap {
namespace {

using testing::FakeMemory;

constexpr uint64_t kBase = 0x10000, kSize = 0x6000;
constexpr AddressRange kMoved = {Address(0x11000 + 16), 0x1000};
constexpr Address kCopy(0x13008);
constexpr AddressRange kLost = {Address(0x12000 + 16), 32};

class OverlayMemoryTest : public ::testing::Test {
 protected:
  OverlayMemoryTest() { base_.Map(kBase, kSize); }

  static std::byte Expected(uint64_t at) {
    return FakeMemory::ByteAt(kMoved.contains(Address(at)) ? at - kMoved.begin.value() + kCopy.value() : at);
  }

  FakeMemory base_;
  OverlayMemory memory_{base_, kMoved, kCopy, kLost};
};

TEST_F(OverlayMemoryTest, EveryReadAroundTheRange) {
  const uint64_t begin = kMoved.begin.value(), end = kMoved.end().value();
  for (uint64_t from : {begin - 20, begin - 1, begin, begin + 1, end - 20, end - 8}) {
    for (uint64_t size : {uint64_t{1}, uint64_t{8}, uint64_t{4000}}) {
      if (from + size > kLost.begin.value()) continue;
      std::vector<std::byte> bytes(size);
      ASSERT_TRUE(memory_.Read(Address(from), absl::MakeSpan(bytes)).ok());
      for (uint64_t i = 0; i < size; ++i) ASSERT_EQ(bytes[i], Expected(from + i)) << from << " " << i;
    }
  }
  std::vector<std::byte> whole(0x1000 + 16);
  ASSERT_TRUE(memory_.Read(Address(begin - 16), absl::MakeSpan(whole)).ok());
  for (uint64_t i = 0; i < whole.size(); ++i) ASSERT_EQ(whole[i], Expected(begin - 16 + i)) << i;
}

TEST_F(OverlayMemoryTest, NothingOfWhatIsLost) {
  EXPECT_FALSE(memory_.ReadPointer(kLost.begin).ok());
  EXPECT_FALSE(memory_.ReadPointer(kLost.end() - 1).ok());
  EXPECT_FALSE(memory_.ReadPointer(kMoved.end() - 4).ok());
  EXPECT_TRUE(memory_.ReadPointer(kLost.end()).ok());
}

TEST_F(OverlayMemoryTest, ARangeBeyondTheEndIsNone) {
  OverlayMemory memory(base_, {Address(0x11000), ~uint64_t{0}}, kCopy);
  const auto value = memory.ReadValue<std::byte>(Address(0x11000));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, FakeMemory::ByteAt(0x11000));
}

}  // namespace
}  // namespace pysnap
