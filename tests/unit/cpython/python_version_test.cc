#include "snapshotter/cpython/python_version.h"

#include <gtest/gtest.h>

#include "snapshotter/cpython/runtime.h"
#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

TEST(ParseSysVersionTest, ReadsWhatPythonPrints) {
  EXPECT_EQ(ParseSysVersion("3.8.18 (default, Feb  1 2024, 10:00:00) \n[GCC 11.4.0]"), 0x030812f0u);
  EXPECT_EQ(ParseSysVersion("3.10.13 (main, Feb  1 2024, 10:00:00) [GCC 11.4.0]"), 0x030a0df0u);
  EXPECT_EQ(ParseSysVersion("3.9.0rc1+ (tags/v3.9, Feb  1 2024) \n[Clang 14]"), 0x030900c1u);
  EXPECT_EQ(ParseSysVersion("3.10.0a7 (main, Feb  1 2024) [GCC 9]"), 0x030a00a7u);
  EXPECT_EQ(ParseSysVersion("2.7.18 (default, Feb  1 2024) \n[GCC 11.4.0]"), 0x020712f0u);
}

TEST(ParseSysVersionTest, RefusesAllElse) {
  for (const char* text : {"", "3", "3.", "3.8", "3.8.18", "3.8.18 (default, ", "3.8.18 [GCC]", "3.8.1888 (x) \n[GCC]",
                           "3.8.300 (x) \n[GCC]", "3.8.1b99 (x) \n[GCC]", "x.8.1 (x) \n[GCC]"}) {
    EXPECT_EQ(ParseSysVersion(text), std::nullopt) << text;
  }
}

TEST(FindSysVersionTest, FindsItAcrossChunksAndRefusesTwo) {
  testing::Arena arena(1 << 20);
  const std::string text = "3.8.18 (default, Feb  1 2024, 10:00:00) \n[GCC 11.4.0]";
  const auto put = [&](uint64_t at, const std::string& what) {
    for (size_t i = 0; i < what.size(); ++i) arena.Put(Address(testing::Arena::kBase + at + i), what[i]);
  };
  const AddressRange all{Address(testing::Arena::kBase), 1 << 20};
  EXPECT_EQ(FindSysVersion(arena, all), std::nullopt);
  put((64 << 10) - 10, text);  // over the end of the first chunk
  EXPECT_EQ(FindSysVersion(arena, all), 0x030812f0u);
  put(300 << 10, text);  // the same once more
  EXPECT_EQ(FindSysVersion(arena, all), 0x030812f0u);
  put(400 << 10, "3.9.2 (default, Feb  1 2024, 10:00:00) \n[GCC 11.4.0]");
  EXPECT_EQ(FindSysVersion(arena, all), std::nullopt);
}

TEST(FormatVersionTest, IsAsPythonSaysIt) {
  EXPECT_EQ(FormatVersion(0x030c01f0), "3.12.1");
  EXPECT_EQ(FormatVersion(0x030f00c2), "3.15.0rc2");
  EXPECT_EQ(FormatVersion(0x030f00a1), "3.15.0a1");
  EXPECT_EQ(FormatVersion(0x030f00b3), "3.15.0b3");
}

}  // namespace
}  // namespace pysnap
