#include "snapshotter/process/maps.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <string>
#include <vector>

namespace pysnap {
namespace {

TEST(MapsTest, ParsesALine) {
  const std::vector<Mapping> maps =
      ParseMaps("55d0c0a00000-55d0c0a21000 r-xp 00002000 08:11 1835                       /usr/bin/python 3.11\n");
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].range.begin, Address(0x55d0c0a00000));
  EXPECT_EQ(maps[0].range.size, 0x21000u);
  EXPECT_TRUE(maps[0].readable);
  EXPECT_FALSE(maps[0].writable);
  EXPECT_TRUE(maps[0].executable);
  EXPECT_FALSE(maps[0].shared);
  EXPECT_EQ(maps[0].file_offset, 0x2000u);
  EXPECT_EQ(maps[0].device, makedev(8, 0x11));
  EXPECT_EQ(maps[0].inode, 1835u);
  EXPECT_EQ(maps[0].path, "/usr/bin/python 3.11");
  EXPECT_FALSE(maps[0].deleted);
}

TEST(MapsTest, ParsesWhatHasNoPathOrNoFile) {
  const std::vector<Mapping> maps = ParseMaps(
      "7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n"
      "7f1000001000-7f1000002000 ---p 00000000 00:00 0\n"
      "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]");
  ASSERT_EQ(maps.size(), 4u);
  EXPECT_EQ(maps[0].path, "");
  EXPECT_EQ(maps[1].path, "");
  EXPECT_FALSE(maps[1].readable);
  EXPECT_EQ(maps[2].path, "[stack]");
  EXPECT_EQ(maps[3].path, "[vsyscall]");
  EXPECT_EQ(maps[3].range.begin, Address(0xffffffffff600000));
}

TEST(MapsTest, ParsesHostilePaths) {
  const std::vector<Mapping> maps = ParseMaps(
      "1000-2000 r--s 00000000 08:01 7      /tmp/a\\0121000-2000 rw-p 0 0:0 0 /b\n"
      "2000-3000 r--p 00000000 08:01 8      /tmp/x (deleted)\n"
      "3000-4000 r--p 00000000 08:01 9      /tmp/ (deleted)/y\n"
      "4000-5000 r--p 00000000 08:01 10     /memfd:\xff\xfe (deleted)\n");
  ASSERT_EQ(maps.size(), 4u);
  EXPECT_TRUE(maps[0].shared);
  EXPECT_EQ(maps[0].path, "/tmp/a\n1000-2000 rw-p 0 0:0 0 /b");
  EXPECT_EQ(maps[1].path, "/tmp/x");
  EXPECT_TRUE(maps[1].deleted);
  EXPECT_EQ(maps[2].path, "/tmp/ (deleted)/y");
  EXPECT_FALSE(maps[2].deleted);
  EXPECT_EQ(maps[3].path, "/memfd:\xff\xfe");
  EXPECT_TRUE(maps[3].deleted);
}

TEST(MapsTest, SkipsWhatIsNotALine) {
  for (const char* text :
       {"", "\n", "\n\n", "x", "1000", "1000-", "1000-2000", "1000-2000 ", "1000-2000 rw", "1000-2000 rw-p",
        "1000-2000 rw-p 0 0:0", "2000-1000 rw-p 0 0:0 0 /a", "1000-1000 rw-p 0 0:0 0",
        "10000000000000000000-2000 rw-p 0 0:0 0", "-1000-2000 rw-p 0 0:0 0 /a"}) {
    EXPECT_TRUE(ParseMaps(text).empty()) << text;
  }
  EXPECT_EQ(ParseMaps("junk\n1000-2000 rw-p 0 0:0 0\njunk\n").size(), 1u);
}

}  // namespace
}  // namespace pysnap
