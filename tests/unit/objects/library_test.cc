// Decoders of the standard library's types, on every layout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

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
std::vector<int64_t> Items(const Collected& found) {
  std::vector<int64_t> items;
  for (const uint32_t item : found.At(1).parts().item()) items.push_back(found.At(item).int_value());
  return items;
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
  const Address overflowing = Decimal(heap, 0, 0, 5, {1});
  heap.Poke(overflowing + heap.layout().PyDecObject.dec_len, huge / 2);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, overflowing)));
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

TEST_P(LibraryTest, SetIterators) {
  // Slots with an odd number hold the elements.
  const Address set = heap.Set("PySet_Type", {heap.Int(5), heap.Int(6), heap.Int(7)});
  const Collected found = CrawlRoot(heap, SetIterator(heap, set, 3, 2, 2));
  EXPECT_THAT(Ints(found), ElementsAre(Pair("remaining", 2), Pair("size", 3)));
  EXPECT_THAT(Items(found), ElementsAre(6, 7));
  // The set has changed since, or it has come to the end.
  EXPECT_THAT(Items(CrawlRoot(heap, SetIterator(heap, set, 2, 2, 1))), ElementsAre());
  EXPECT_THAT(Items(CrawlRoot(heap, SetIterator(heap, Address(), 3, 0, 0))), ElementsAre());
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, SetIterator(heap, set, 3, 0, 4))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, SetIterator(heap, set, 3, -1, 1))));
}

TEST_P(LibraryTest, Tees) {
  const Address iterator = ListIterator(heap, Address(), -1);
  const Address last = TeeLink(heap, iterator, {heap.Int(8)}, 1, Address());
  const Collected tee = CrawlRoot(heap, Tee(heap, last, 1));
  EXPECT_THAT(Ints(tee), ElementsAre(Pair("index", 1)));
  EXPECT_EQ(tee.At(1).parts().part_size(), 1);
  const Collected link = CrawlRoot(heap, TeeLink(heap, iterator, {heap.Int(6), heap.Int(7)}, 2, last));
  EXPECT_THAT(Items(link), ElementsAre(6, 7));
  EXPECT_EQ(link.At(1).parts().part_size(), 2);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, TeeLink(heap, iterator, {}, 58, Address()))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, TeeLink(heap, iterator, {}, -1, Address()))));
}

TEST_P(LibraryTest, Groups) {
  const Address iterator = ListIterator(heap, Address(), -1);
  EXPECT_THAT(Ints(CrawlRoot(heap, Grouper(heap, iterator, heap.Int(1), true))), ElementsAre(Pair("in_turn", 1)));
  EXPECT_THAT(Ints(CrawlRoot(heap, Grouper(heap, iterator, heap.Int(1), false))), ElementsAre());
}

TEST_P(LibraryTest, Contexts) {
  const auto variable = [&](const char* name) { return ContextVariable(heap, name); };
  const std::vector<Address> pairs = {variable("a"), heap.Int(1),   variable("b"),
                                      heap.Int(2),   variable("c"), heap.Int(3)};
  const Collected found = CrawlRoot(heap, Context(heap, pairs, 3));
  const proto::Parts& parts = found.At(1).parts();
  ASSERT_EQ(parts.item_size(), 6);
  std::map<std::string, int64_t> values;
  for (int i = 0; i < 6; i += 2) {
    const proto::Object& named = found.At(parts.item(i));
    values[found.At(named.parts().part(0).value()).str()] = found.At(parts.item(i + 1)).int_value();
  }
  EXPECT_THAT(values, ElementsAre(Pair("a", 1), Pair("b", 2), Pair("c", 3)));
  EXPECT_EQ(CrawlRoot(heap, Context(heap, {}, 0)).At(1).parts().item_size(), 0);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Context(heap, pairs, 4))));
}

TEST_P(LibraryTest, ContextsWithATreeThatIsTooLarge) {
  // One node, a thousand times, that holds a thousand variables.
  const auto node = [&](Address first, Address second) {
    const Address type = heap.NewStaticType("hamt_collision_node", heap.Symbol("PyBaseObject_Type"), 40);
    const Address object = heap.Object(type, 32 + 16 * 1000);
    heap.Poke<uint64_t>(object + heap.layout().PyVarObject.ob_size, 2000);
    for (int64_t i = 0; i < 1000; ++i) {
      const Address pair = object + heap.layout().PyHamtNode_Collision.c_array + 16 * i;
      heap.PokePointer(pair, first);
      heap.PokePointer(pair + int64_t{8}, second);
    }
    return object;
  };
  const Address context = Context(heap, {}, 1);
  const auto tree = heap.memory().ReadPointer(context + heap.layout().PyContext.ctx_vars);
  heap.PokePointer(*tree + heap.layout().PyHamtObject.h_root,
                   node(Address(), node(ContextVariable(heap, "a"), heap.Int(1))));
  EXPECT_EQ(CrawlRoot(heap, context).At(1).absent().detail(), "a tree that is too large");
}

TEST_P(LibraryTest, ContextsWithABrokenTree) {
  const auto& layout = heap.layout();
  const Address context = Context(heap, {}, 0);
  const auto tree = heap.memory().ReadPointer(context + layout.PyContext.ctx_vars);
  const auto root = heap.memory().ReadPointer(*tree + layout.PyHamtObject.h_root);
  // In a circle, of a size that is none, and of another type.
  heap.Poke<uint64_t>(*root + layout.PyVarObject.ob_size, 1u << 30);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, context)));
  const Address circle = Context(heap, {ContextVariable(heap, "a"), heap.Int(1)}, 1);
  const auto its_tree = heap.memory().ReadPointer(circle + layout.PyContext.ctx_vars);
  const auto its_root = heap.memory().ReadPointer(*its_tree + layout.PyHamtObject.h_root);
  heap.PokePointer(*its_root + layout.PyHamtNode_Bitmap.b_array + int64_t{8}, *its_root);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, circle)));
  heap.PokePointer(*its_tree + layout.PyHamtObject.h_root, heap.Int(1));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, circle)));
}

TEST_P(LibraryTest, RangeIterators) {
  const Collected found = CrawlRoot(heap, RangeIterator(heap, 10, -3, 5, 2));
  EXPECT_THAT(Ints(found), ElementsAre(Pair("length", 3), Pair("start", 4), Pair("step", -3)));
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, RangeIterator(heap, 0, 1, 2, 3))));
  if (heap.layout().rangeiterobject.index == kNoOffset) return;
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, RangeIterator(heap, 1, huge, 5, 2))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, RangeIterator(heap, 1, 1, 5, -1))));
}

std::string Packed(const std::vector<int64_t>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int64_t));
}

TEST_P(LibraryTest, MemoryViews) {
  const Address buffer = heap.CString("abcdefghijklmnop");
  const auto crawl = [&](int64_t item_size, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    return CrawlRoot(heap, MemoryView(heap, buffer, item_size, shape, strides, "x"));
  };
  const auto items = [&](const Collected& found) { return Strings(found)["items"]; };
  const Collected plain = CrawlRoot(heap, MemoryView(heap, buffer, 1, {3}, {1}, nullptr));
  EXPECT_THAT(Ints(plain), ElementsAre(Pair("itemsize", 1), Pair("readonly", 0)));
  EXPECT_THAT(Strings(plain), ElementsAre(Pair("format", "B"), Pair("items", "abc"), Pair("shape", Packed({3}))));
  EXPECT_EQ(items(crawl(2, {2, 2}, {4, 2})), "abcdefgh");
  EXPECT_EQ(items(crawl(2, {2, 2}, {8, 2})), "abcdijkl");
  EXPECT_EQ(items(crawl(1, {2, 3}, {1, 4})), "aeibfj");
  EXPECT_EQ(items(crawl(2, {3}, {0})), "ababab");
  EXPECT_EQ(items(crawl(4, {}, {})), "abcd");
  EXPECT_EQ(items(crawl(1, {0, 5}, {1, 1})), "");
  EXPECT_EQ(items(CrawlRoot(heap, MemoryView(heap, buffer + 3, 1, {4}, {-1}, "x"))), "dcba");

  EXPECT_TRUE(IsInconsistent(crawl(1, {-1}, {1})));
  EXPECT_TRUE(IsInconsistent(crawl(0, {1}, {1})));
  EXPECT_TRUE(IsInconsistent(crawl(1, {int64_t{1} << 40, int64_t{1} << 40}, {1, 1})));
  EXPECT_TRUE(IsInconsistent(crawl(1, {int64_t{1} << 50}, {0})));
  EXPECT_TRUE(IsInconsistent(crawl(1, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1))));
  EXPECT_EQ(crawl(1, {2}, {int64_t{1} << 62}).At(1).absent().reason(), proto::Absent::UNREADABLE);

  CrawlOptions options;
  options.max_bytes = 5;
  const Collected cut = CrawlRoot(heap, MemoryView(heap, buffer, 2, {4}, {2}, "h"), options);
  EXPECT_EQ(items(cut), "abcd");
  EXPECT_EQ(cut.At(1).length(), 4u);

  const Address released = MemoryView(heap, buffer, 1, {3}, {1}, "x");
  heap.Poke<int32_t>(released + heap.layout().PyMemoryViewObject.flags, 1);
  EXPECT_THAT(Ints(CrawlRoot(heap, released)), ElementsAre(Pair("released", 1)));
}

TEST_P(LibraryTest, BytesIos) {
  // The buffer is larger than what is in it.
  const Collected found = CrawlRoot(heap, BytesIo(heap, heap.Bytes("abcdef"), 4, 2));
  EXPECT_THAT(Ints(found), ElementsAre(Pair("position", 2)));
  EXPECT_THAT(Strings(found), ElementsAre(Pair("contents", "abcd")));
  EXPECT_THAT(Ints(CrawlRoot(heap, BytesIo(heap, Address(), 0, 0))), ElementsAre(Pair("closed", 1)));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, BytesIo(heap, heap.Bytes("abc"), 4, 0))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, BytesIo(heap, heap.Bytes("abc"), -1, 0))));
}

TEST_P(LibraryTest, Matches) {
  const Collected found = CrawlRoot(heap, Match(heap, heap.Str("re"), heap.Str("text"), 2, {0, 3, -1, -1}));
  EXPECT_THAT(Strings(found), ElementsAre(Pair("marks", Packed({0, 3, -1, -1}))));
  EXPECT_EQ(found.At(1).parts().part_size(), 2);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Match(heap, heap.Str("re"), heap.Str("text"), 0, {0, 3}))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Match(heap, heap.Str("re"), heap.Str("text"), 1 << 20, {0, 3}))));
}

TEST_P(LibraryTest, Locks) {
  EXPECT_THAT(Ints(CrawlRoot(heap, RLock(heap, 77, 3))), ElementsAre(Pair("count", 3), Pair("owner", 77)));
  EXPECT_THAT(Ints(CrawlRoot(heap, RLock(heap, 77, 0))), ElementsAre(Pair("count", 0), Pair("owner", 0)));
}

// The names and texts of the parts that are strs.
std::map<std::string, std::string> Texts(const Collected& found) {
  std::map<std::string, std::string> texts;
  for (const proto::Attribute& part : found.At(1).parts().part()) {
    texts[found.Text(part.name())] = found.At(part.value()).str();
  }
  return texts;
}

TEST_P(LibraryTest, StringIos) {
  const Collected found = CrawlRoot(heap, StringIo(heap, U"text and more", 4, 2));
  EXPECT_THAT(Strings(found), ElementsAre(Pair("contents", std::string("t\0\0\0e\0\0\0x\0\0\0t\0\0\0", 16))));
  EXPECT_THAT(Ints(found),
              ElementsAre(Pair("position", 2), Pair("translate", 0), Pair("universal", 0), Pair("width", 4)));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, StringIo(heap, U"", -1, 0))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, StringIo(heap, U"", int64_t{1} << 62, 0))));
  if (heap.layout().stringio.writer == kNoOffset) return;
  const Collected written = CrawlRoot(heap, WrittenStringIo(heap, "abcd", 2, 2));
  EXPECT_THAT(Strings(written), ElementsAre(Pair("contents", "abcd")));
  EXPECT_EQ(Ints(written)["width"], 2);
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, WrittenStringIo(heap, "abcd", 3, 1))));
}

TEST_P(LibraryTest, SimpleQueues) {
  const std::vector<Address> items = {heap.Str("a"), heap.Str("b"), heap.Str("c")};
  EXPECT_THAT(Texts(CrawlRoot(heap, SimpleQueue(heap, items, 1))), ElementsAre(Pair("0", "b"), Pair("1", "c")));
  EXPECT_THAT(Texts(CrawlRoot(heap, SimpleQueue(heap, items, 3))), ElementsAre());
  EXPECT_THAT(Texts(CrawlRoot(heap, SimpleQueue(heap, {}, 0))), ElementsAre());
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, SimpleQueue(heap, items, 4))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, SimpleQueue(heap, items, -1))));
}

TEST_P(LibraryTest, Elements) {
  const Address text = heap.Str("text");
  const Collected found = CrawlRoot(heap, Element(heap, heap.Str("tag"), text, Address(), {text, heap.Str("child")}));
  EXPECT_THAT(Texts(found),
              ElementsAre(Pair("0", "text"), Pair("1", "child"), Pair("tag", "tag"), Pair("text", "text")));
  const Address pieces = heap.List({text});
  const Collected unjoined = CrawlRoot(heap, Element(heap, text, Address(pieces.value() | 1), Address(), {}));
  EXPECT_TRUE(unjoined.At(unjoined.At(1).parts().part(1).value()).has_sequence());
}

TEST_P(LibraryTest, Files) {
  const Collected raw = CrawlRoot(heap, FileIo(heap, 7, 0b0110));
  EXPECT_THAT(Ints(raw), ElementsAre(Pair("fd", 7), Pair("readable", 1), Pair("writable", 1)));
  EXPECT_THAT(Ints(CrawlRoot(heap, FileIo(heap, -1, 0b1001))),
              ElementsAre(Pair("appending", 1), Pair("created", 1), Pair("fd", -1)));
  const Address file = FileIo(heap, 3, 4);
  const Collected buffered = CrawlRoot(heap, BufferedWriter(heap, file, "0123456789", 2, 5));
  EXPECT_THAT(Strings(buffered), ElementsAre(Pair("unwritten", "234")));
  EXPECT_THAT(Ints(buffered), ElementsAre(Pair("position", 105)));
  EXPECT_EQ(buffered.At(buffered.At(1).parts().part(0).value()).address(), file.value());
  for (const auto& [begin, end] : {std::pair{2, 11}, std::pair{5, 2}, std::pair{-1, 3}}) {
    EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, BufferedWriter(heap, file, "0123456789", begin, end)))) << begin;
  }
  const Collected text = CrawlRoot(heap, TextFile(heap, file, heap.Str("latin-1")));
  EXPECT_THAT(Ints(text), ElementsAre(Pair("line_buffering", 1)));
  EXPECT_EQ(text.At(1).parts().part_size(), 2);
}

TEST_P(LibraryTest, Sockets) {
  EXPECT_THAT(Ints(CrawlRoot(heap, Socket(heap, 5, -1))),
              ElementsAre(Pair("family", 2), Pair("fd", 5), Pair("proto", 0), Pair("timeout", -1), Pair("type", 1)));
}

TEST_P(LibraryTest, Combinations) {
  const Address pool = heap.Tuple({heap.Int(1), heap.Int(2), heap.Int(3)});
  const Collected fresh = CrawlRoot(heap, Combinations(heap, pool, 2, {0, 1}, Address()));
  EXPECT_THAT(Ints(fresh), ElementsAre(Pair("r", 2)));
  const Collected begun = CrawlRoot(heap, Combinations(heap, pool, 2, {0, 2}, pool));
  EXPECT_THAT(Ints(begun), ElementsAre(Pair("begun", 1), Pair("r", 2)));
  EXPECT_THAT(Strings(begun), ElementsAre(Pair("indices", Packed({0, 2}))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Combinations(heap, pool, -1, {}, pool))));
  EXPECT_TRUE(IsInconsistent(CrawlRoot(heap, Combinations(heap, pool, int64_t{1} << 40, {}, pool))));
}

}  // namespace
}  // namespace pysnap::testing
