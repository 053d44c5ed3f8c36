#include "snapshotter/memory/recent_pages.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "tests/unit/memory/fake_memory.h"

namespace pysnap {
namespace {

using testing::FakeMemory;

TEST(RecentPagesTest, GivesWhatIsThere) {
  FakeMemory base;
  constexpr uint64_t kBegin = 0x1000, kPages = 6000;
  base.Map(kBegin, kPages * 4096);
  RecentPages memory(base);
  std::vector<std::byte> bytes(6000);
  // The second time around all of them were replaced by others.
  for (int round = 0; round < 2; ++round) {
    for (uint64_t at = kBegin; at + bytes.size() <= kBegin + kPages * 4096; at += 4096 * 100 + 1000) {
      ASSERT_TRUE(memory.Read(Address(at), absl::MakeSpan(bytes)).ok());
      for (size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], FakeMemory::ByteAt(at + i)) << at << " " << i;
    }
  }
}

TEST(RecentPagesTest, ReadsAPageOnce) {
  FakeMemory base;
  base.Map(0x1000, 0x3000);
  RecentPages memory(base);
  for (uint64_t at = 0x1000; at < 0x3000; at += 8) ASSERT_TRUE(memory.ReadPointer(Address(at)).ok());
  EXPECT_EQ(base.bytes_read, 0x2000u);
}

TEST(RecentPagesTest, WhatCannotBeReadIsNotKept) {
  FakeMemory base;
  base.Map(0x1000, 0x1000);
  RecentPages memory(base);
  EXPECT_FALSE(memory.ReadPointer(Address(0x1ffc)).ok());
  EXPECT_TRUE(memory.ReadPointer(Address(0x1ff0)).ok());
  base.Map(0x2000, 0x1000);
  EXPECT_TRUE(memory.ReadPointer(Address(0x1ffc)).ok());
}

}  // namespace
}  // namespace pysnap
