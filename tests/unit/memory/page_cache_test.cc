#include "snapshotter/memory/page_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/memory/fake_memory.h"

namespace pysnap {
namespace {

using testing::FakeMemory;
using ::testing::HasSubstr;

constexpr uint64_t kPage = PageCache::kPageSize;
constexpr uint64_t kBase = 0x7f0000000000;  // a multiple of 256 KiB

// True when the bytes there come out right.
bool ReadsRight(Memory& memory, uint64_t address, size_t size) {
  std::vector<std::byte> bytes(size);
  if (!memory.Read(Address(address), absl::MakeSpan(bytes)).ok()) return false;
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != FakeMemory::ByteAt(address + i)) return false;
  }
  return true;
}

absl::Status ReadStatus(Memory& memory, uint64_t address, size_t size) {
  std::vector<std::byte> bytes(size);
  return memory.Read(Address(address), absl::MakeSpan(bytes));
}

std::byte FirstByte(Memory& memory, uint64_t address) {
  std::byte byte{0};
  EXPECT_TRUE(memory.Read(Address(address), absl::MakeSpan(&byte, 1)).ok());
  return byte;
}

TEST(PageCacheTest, FetchesAPageOnce) {
  FakeMemory source;
  source.Map(kBase, kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 8));
  EXPECT_TRUE(ReadsRight(cache, kBase + 100, 8));
  EXPECT_TRUE(ReadsRight(cache, kBase + kPage - 1, 1));
  EXPECT_TRUE(ReadsRight(cache, kBase, kPage));
  EXPECT_EQ(source.many_calls, 1);
  EXPECT_EQ(cache.counts().pages, 1u);
}

TEST(PageCacheTest, ReadsAcrossPages) {
  FakeMemory source;
  source.Map(kBase, 3000 * kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase + kPage - 3, 8));
  EXPECT_TRUE(ReadsRight(cache, kBase + 5, 3000 * kPage - 5));
  EXPECT_EQ(source.many_calls, 2);
  EXPECT_EQ(source.bytes_read, 3000 * kPage);
}

TEST(PageCacheTest, PagesThatShareASlotOfTheRecentOnesDoNotMix) {
  FakeMemory source;
  source.Map(kBase, kPage);
  source.Map(kBase + 2048 * kPage, kPage);
  PageCache cache(source);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(ReadsRight(cache, kBase, 16));
    EXPECT_TRUE(ReadsRight(cache, kBase + 2048 * kPage, 16));
  }
  EXPECT_EQ(source.many_calls, 2);
}

TEST(PageCacheTest, NamesTheFirstUnreadableAddressAndRemembersIt) {
  FakeMemory source;
  source.Map(kBase, kPage);
  PageCache cache(source);
  const absl::Status status = ReadStatus(cache, kBase + kPage - 4, 8);
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("0x7f0000001000"));
  const int calls = source.many_calls;
  EXPECT_EQ(ReadStatus(cache, kBase + kPage - 4, 8), status);
  EXPECT_EQ(source.many_calls, calls);
  // What is readable before it stays so.
  EXPECT_TRUE(ReadsRight(cache, kBase + kPage - 4, 4));
  EXPECT_THAT(std::string(ReadStatus(cache, kBase + kPage + 7, 8).message()), HasSubstr("0x7f0000001007"));
}

TEST(PageCacheTest, SurvivesAbsurdAddressesAndSizes) {
  FakeMemory source;
  PageCache cache(source);
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, 0, 8)));
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, ~uint64_t{0}, 1)));
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, ~uint64_t{0} - 3, 8)));
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, ~uint64_t{0} - 7, 8)));
  EXPECT_TRUE(ReadStatus(cache, 0, 0).ok());
  const std::vector<AddressRange> ranges = {
      {Address(0), ~uint64_t{0}},          {Address(~uint64_t{0}), 2}, {Address(~uint64_t{0} - 4096), 4097},
      {Address(kBase), uint64_t{1} << 62}, {Address(kBase), 1 << 29},  {Address(kBase), 0}};
  cache.Prefetch(ranges);
  EXPECT_EQ(cache.counts().pages, 0u);
}

TEST(PageCacheTest, PrefetchFetchesManyRangesInOneCall) {
  FakeMemory source;
  source.Map(kBase, 100 * kPage);
  PageCache cache(source);
  // Overlapping, unordered, and partly unreadable.
  const std::vector<AddressRange> ranges = {{Address(kBase + 50 * kPage), 10},
                                            {Address(kBase + 10 * kPage - 1), 2},
                                            {Address(kBase + 9 * kPage), 3 * kPage},
                                            {Address(kBase + 50 * kPage + 8), 10},
                                            {Address(kBase + 99 * kPage), 2 * kPage}};
  cache.Prefetch(ranges);
  EXPECT_EQ(source.many_calls, 1);
  EXPECT_EQ(cache.counts().pages, 5u);
  EXPECT_TRUE(ReadsRight(cache, kBase + 9 * kPage, 3 * kPage));
  EXPECT_TRUE(ReadsRight(cache, kBase + 50 * kPage, kPage));
  EXPECT_TRUE(ReadsRight(cache, kBase + 99 * kPage, kPage));
  EXPECT_EQ(source.many_calls, 1);
}

TEST(PageCacheTest, FreezeKeepsAnswersAndAsksNoMore) {
  FakeMemory source;
  source.Map(kBase, 3 * kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 8));
  const absl::Status unreadable = ReadStatus(cache, kBase + 10 * kPage, 8);
  cache.Freeze();
  const int calls = source.many_calls;
  EXPECT_TRUE(ReadsRight(cache, kBase + 16, 8));
  EXPECT_EQ(ReadStatus(cache, kBase + 10 * kPage, 8), unreadable);
  const absl::Status not_kept = ReadStatus(cache, kBase + kPage, 8);
  EXPECT_TRUE(absl::IsOutOfRange(not_kept));
  EXPECT_THAT(std::string(not_kept.message()), HasSubstr("was not kept"));
  const AddressRange range{Address(kBase + kPage), 8};
  cache.Prefetch(absl::MakeConstSpan(&range, 1));
  EXPECT_EQ(source.many_calls, calls);
}

TEST(PageCacheTest, CountsWhatWasMissedSinceItWasFrozen) {
  FakeMemory source;
  source.Map(kBase, 3 * kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 8));
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, kBase + 10 * kPage, 8)));
  cache.Freeze();
  EXPECT_TRUE(ReadsRight(cache, kBase, 8));
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, kBase + 10 * kPage, 8)));
  EXPECT_EQ(cache.counts().missed_pages, 0u);  // unreadable is an answer
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, kBase + kPage, 8)));
  EXPECT_EQ(cache.counts().missed_pages, 1u);
  cache.Thaw();
  EXPECT_TRUE(ReadsRight(cache, kBase + kPage, 8));
  cache.Freeze();
  EXPECT_EQ(cache.counts().missed_pages, 0u);
}

TEST(PageCacheTest, RefreshReadsTheSamePagesAsTheyAreNow) {
  FakeMemory source;
  source.Map(kBase, 20 * kPage);
  source.Map(kBase + 100 * kPage, kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 10 * kPage));
  EXPECT_TRUE(ReadsRight(cache, kBase + 100 * kPage, kPage));
  source.generation = 1;
  source.Map(kBase, 20 * kPage);
  source.Map(kBase + 100 * kPage, kPage);
  EXPECT_EQ(FirstByte(cache, kBase + 3 * kPage), FakeMemory::ByteAt(kBase + 3 * kPage));
  cache.PrepareRefresh();
  const int calls = source.many_calls;
  cache.Refresh();
  EXPECT_EQ(source.many_calls, calls + 1);
  cache.Freeze();
  for (uint64_t page : {0, 3, 9, 100}) {
    EXPECT_EQ(FirstByte(cache, kBase + page * kPage), source.Now(kBase + page * kPage)) << page;
  }
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, kBase + 10 * kPage, 8)));
  EXPECT_EQ(cache.counts().pages, 11u);
}

TEST(PageCacheTest, RefreshFollowsPagesThatCameAndWent) {
  FakeMemory source;
  source.Map(kBase, 8 * kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 8 * kPage));
  EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, kBase + 8 * kPage, 8)));
  source.Unmap(kBase, 8 * kPage);
  source.Map(kBase, 2 * kPage);
  source.Map(kBase + 3 * kPage, kPage);
  source.Map(kBase + 6 * kPage, 3 * kPage);
  cache.PrepareRefresh();
  cache.Refresh();
  cache.Freeze();
  for (uint64_t page : {0, 1, 3, 6, 7, 8}) EXPECT_TRUE(ReadsRight(cache, kBase + page * kPage, kPage)) << page;
  for (uint64_t page : {2, 4, 5}) {
    EXPECT_THAT(std::string(ReadStatus(cache, kBase + page * kPage, 8).message()), HasSubstr("cannot be read")) << page;
  }
  EXPECT_EQ(cache.counts().missed_pages, 0u);
  EXPECT_EQ(cache.counts().pages, 6u);
}

TEST(PageCacheTest, RefreshOfATargetThatIsGoneSaysSo) {
  FakeMemory source;
  source.Map(kBase, kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 8));
  cache.PrepareRefresh();
  source.failure = absl::NotFoundError("gone");
  cache.Refresh();
  EXPECT_EQ(cache.failure(), source.failure);
}

TEST(PageCacheTest, LimitIsKeptAndStays) {
  FakeMemory source;
  source.Map(kBase, 100 * kPage);
  PageCache cache(source, {.max_bytes = 4 * kPage});
  EXPECT_TRUE(ReadsRight(cache, kBase, 3 * kPage));
  const absl::Status status = ReadStatus(cache, kBase + 10 * kPage, 2 * kPage);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  // One page more would have fit; whether it does must not depend on what else was read before.
  EXPECT_TRUE(absl::IsResourceExhausted(ReadStatus(cache, kBase + 20 * kPage, 8)));
  EXPECT_TRUE(ReadsRight(cache, kBase, 3 * kPage));
  EXPECT_LE(cache.counts().pages, 4u);
  cache.Freeze();
  EXPECT_TRUE(absl::IsResourceExhausted(ReadStatus(cache, kBase + 20 * kPage, 8)));
  EXPECT_TRUE(absl::IsResourceExhausted(cache.failure()));
}

TEST(PageCacheTest, UnreadablePagesTakeNoRoom) {
  FakeMemory source;
  source.Map(kBase, 4 * kPage);
  PageCache cache(source, {.max_bytes = 4 * kPage});
  for (uint64_t i = 10; i < 1000; ++i) EXPECT_TRUE(absl::IsOutOfRange(ReadStatus(cache, kBase + i * kPage, 8)));
  EXPECT_TRUE(ReadsRight(cache, kBase, 4 * kPage));
}

TEST(PageCacheTest, ATargetThatIsGoneSaysSoFromThenOn) {
  FakeMemory source;
  source.Map(kBase, 100 * kPage);
  PageCache cache(source);
  EXPECT_TRUE(ReadsRight(cache, kBase, 8));
  source.failure = absl::NotFoundError("gone");
  EXPECT_EQ(ReadStatus(cache, kBase + kPage, 8), source.failure);
  cache.Freeze();
  EXPECT_EQ(ReadStatus(cache, kBase + kPage, 8), source.failure);
  EXPECT_TRUE(ReadsRight(cache, kBase, kPage));
}

TEST(PageCacheTest, ReadsAheadPresentPagesOnlyWhereItIsWorthIt) {
  FakeMemory source;
  source.Map(kBase, 64 * kPage);
  const uint64_t absent = uint64_t{0xf0} << 8;  // pages 12 to 15
  PageCache cache(source, {.presence = [&](Address first) {
                    EXPECT_EQ(first.value() % (64 * kPage), 0u);
                    return ~absent;
                  }});
  EXPECT_TRUE(ReadsRight(cache, kBase + 20 * kPage, 8));
  EXPECT_EQ(cache.counts().pages, 1u);  // a single visit fetches nothing else
  EXPECT_TRUE(ReadsRight(cache, kBase + 5 * kPage, 8));
  EXPECT_EQ(cache.counts().pages, 5u);  // 20 and 4 to 7
  EXPECT_TRUE(ReadsRight(cache, kBase + 8 * kPage, 8));
  EXPECT_EQ(cache.counts().pages, 13u);  // and 0 to 3, 8 to 11
  EXPECT_TRUE(ReadsRight(cache, kBase, 12 * kPage));
  EXPECT_EQ(source.many_calls, 3);
  // An absent page is fetched when it is really asked for.
  EXPECT_TRUE(ReadsRight(cache, kBase + 13 * kPage, 8));
  for (uint64_t page = 0; page < 64; ++page) EXPECT_TRUE(ReadsRight(cache, kBase + page * kPage, kPage)) << page;
  EXPECT_EQ(cache.counts().pages, 64u);
}

TEST(PageCacheTest, ReadAheadThatFailsDoesNotSpoilThePageAskedFor) {
  FakeMemory source;
  source.Map(kBase + 5 * kPage, kPage);
  source.Map(kBase + 40 * kPage, kPage);
  PageCache cache(source, {.presence = [](Address) { return ~uint64_t{0}; }});
  EXPECT_TRUE(ReadsRight(cache, kBase + 40 * kPage, 8));
  EXPECT_TRUE(ReadsRight(cache, kBase + 5 * kPage, 8));
}

TEST(PageCacheTest, PrefaultedRoomIsUsed) {
  FakeMemory source;
  source.Map(kBase, 1000 * kPage);
  PageCache cache(source, {.prefault_bytes = 4 << 20});
  EXPECT_TRUE(ReadsRight(cache, kBase, 1000 * kPage));
}

}  // namespace
}  // namespace pysnap
