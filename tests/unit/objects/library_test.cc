// Decoders of the standard library's types, on every layout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>

#include "tests/support/collected.h"
#include "tests/support/library_objects.h"

namespace pysnap::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class LibraryTest : public EveryBuild {};
INSTANTIATE_TEST_SUITE_P(Builds, LibraryTest, ::testing::ValuesIn(AllBuilds()), BuildName);

std::map<std::string, int64_t> Ints(const Collected& found) {
  std::map<std::string, int64_t> ints;
  for (const proto::IntPart& part : found.At(1).parts().int_part()) ints[found.Text(part.name())] = part.value();
  return ints;
}
std::map<std::string, std::string> Strings(const Collected& found) {
  std::map<std::string, std::string> strings;
  for (const proto::BytesPart& part : found.At(1).parts().bytes_part()) strings[found.Text(part.name())] = part.value();
  return strings;
}
bool IsInconsistent(const Collected& found) { return found.At(1).absent().reason() == proto::Absent::INCONSISTENT; }

TEST_P(LibraryTest, Dates) {
  const Collected delta = CrawlRoot(heap, TimeDelta(heap, -1, 86399, 5));
  EXPECT_THAT(Ints(delta), ElementsAre(Pair("days", -1), Pair("microseconds", 5), Pair("seconds", 86399)));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, TimeDelta(heap, 0, 86400, 0))));

  const std::vector<uint8_t> data = {0x07, 0xe8, 2, 29, 23, 59, 58, 0x0f, 0x42, 0x3f};
  const Collected moment = CrawlRoot(heap, DateTime(heap, data, Address()));
  EXPECT_THAT(Ints(moment), ElementsAre(Pair("day", 29), Pair("fold", 0), Pair("hour", 23), Pair("microsecond", 999999),
                                        Pair("minute", 59), Pair("month", 2), Pair("second", 58), Pair("year", 2024)));
  EXPECT_EQ(moment.At(1).parts().part_size(), 0);
  EXPECT_EQ(CrawlRoot(heap, DateTime(heap, data, heap.Str("zone"))).At(1).parts().part_size(), 1);
  for (const auto& [at, value] : std::map<size_t, uint8_t>{{0, 0xff}, {2, 13}, {3, 0}, {4, 24}, {7, 0xff}}) {
    std::vector<uint8_t> bad = data;
    bad[at] = value;
    EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, DateTime(heap, bad, Address())))) << at;
  }
}

TEST_P(LibraryTest, Decimals) {
  const Collected number = CrawlRoot(heap, Decimal(heap, 1, -2, 21, {5, 12}));
  EXPECT_THAT(Ints(number), ElementsAre(Pair("exponent", -2), Pair("sign", 1)));
  EXPECT_THAT(Strings(number), ElementsAre(Pair("digits", "120000000000000000005")));
  EXPECT_THAT(Strings(CrawlRoot(heap, Decimal(heap, 2, 0, 0, {}))),
              ElementsAre(Pair("digits", ""), Pair("special", "F")));
  EXPECT_THAT(Strings(CrawlRoot(heap, Decimal(heap, 8, 0, 1, {7}))),
              ElementsAre(Pair("digits", "7"), Pair("special", "N")));
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Decimal(heap, 0, 0, 3, {12}))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Decimal(heap, 0, 0, 20, {12}))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Decimal(heap, 0, 0, 0, {}))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Decimal(heap, 0, 0, huge, {12}))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Decimal(heap, 0, 0, 20, {10'000'000'000'000'000'000u}))));
}

TEST_P(LibraryTest, Arrays) {
  const Collected found = CrawlRoot(heap, Array(heap, 'h', 2, "abcd"));
  EXPECT_THAT(Strings(found), ElementsAre(Pair("items", "abcd"), Pair("typecode", "h")));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Array(heap, 'h', 4, "abcd"))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Array(heap, '?', 1, "abcd"))));
  CrawlOptions options;
  options.max_bytes = 10;
  const Collected cut = CrawlRoot(heap, Array(heap, 'i', 4, std::string(4000, 'x')), options);
  EXPECT_EQ(cut.At(1).absent().reason(), proto::Absent::LIMIT);
  EXPECT_EQ(cut.At(1).length(), 1000u);
  EXPECT_EQ(Strings(cut)["items"], std::string(8, 'x'));
}

TEST_P(LibraryTest, Iterators) {
  const Collected found = CrawlRoot(heap, ListIterator(heap, heap.List({heap.Int(5)}), 1));
  EXPECT_THAT(Ints(found), ElementsAre(Pair("index", 1)));
  EXPECT_EQ(found.At(found.At(1).parts().part(0).value()).sequence().item_size(), 1);
  // It has come to the end.
  EXPECT_EQ(CrawlRoot(heap, ListIterator(heap, Address(), -1)).At(1).parts().part_size(), 0);
}

}  // namespace
}  // namespace pysnap::testing
