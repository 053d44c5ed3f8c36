// Decoders of builtin values, on every layout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

using ::testing::ElementsAre;

class ValuesTest : public EveryBuild {};
INSTANTIATE_TEST_SUITE_P(Builds, ValuesTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(ValuesTest, Singletons) {
  EXPECT_EQ(CrawlRoot(heap, heap.None()).At(1).singleton(), proto::NONE);
  EXPECT_EQ(CrawlRoot(heap, heap.Symbol("_Py_EllipsisObject")).At(1).singleton(), proto::ELLIPSIS);
  EXPECT_EQ(CrawlRoot(heap, heap.Symbol("_Py_NotImplementedStruct")).At(1).singleton(), proto::NOT_IMPLEMENTED);
  EXPECT_TRUE(CrawlRoot(heap, heap.True()).At(1).bool_value());
  const Collected no = CrawlRoot(heap, heap.False());
  EXPECT_EQ(no.At(1).value_case(), proto::Object::kBoolValue);
  EXPECT_EQ(no.TypeName(no.At(1)), "bool");
}

TEST_P(ValuesTest, Ints) {
  for (const int64_t value : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1} << 30, -(int64_t{1} << 45),
                              std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    const Collected found = CrawlRoot(heap, heap.Int(value));
    EXPECT_EQ(found.At(1).value_case(), proto::Object::kIntValue);
    EXPECT_EQ(found.At(1).int_value(), value);
  }
}

TEST_P(ValuesTest, BigInts) {
  // 2**100, -(2**100), 2**63, -(2**127): two's complement, little endian, shortest.
  const std::vector<uint32_t> two_to_100 = {0, 0, 0, 1 << 10};
  EXPECT_EQ(CrawlRoot(heap, heap.BigInt(false, two_to_100)).At(1).big_int(), std::string(12, '\0') + "\x10");
  EXPECT_EQ(CrawlRoot(heap, heap.BigInt(true, two_to_100)).At(1).big_int(), std::string(12, '\0') + "\xf0");
  EXPECT_EQ(CrawlRoot(heap, heap.BigInt(false, {0, 0, 8})).At(1).big_int(),
            std::string(7, '\0') + std::string("\x80\0", 2));
  EXPECT_EQ(CrawlRoot(heap, heap.BigInt(true, {0, 0, 0, 0, 128})).At(1).big_int(), std::string(15, '\0') + "\x80");
}

TEST_P(ValuesTest, BadDigitIsInconsistent) {
  EXPECT_EQ(CrawlRoot(heap, heap.BigInt(false, {0x40000000})).At(1).absent().reason(), proto::Absent::INCONSISTENT);
}

TEST_P(ValuesTest, Floats) {
  EXPECT_EQ(CrawlRoot(heap, heap.Float(-0.5)).At(1).float_value(), -0.5);
  const Collected found = CrawlRoot(heap, heap.Complex(1.5, -2));
  EXPECT_EQ(found.At(1).complex().real(), 1.5);
  EXPECT_EQ(found.At(1).complex().imag(), -2);
}

TEST_P(ValuesTest, Strings) {
  EXPECT_EQ(CrawlRoot(heap, heap.Str("plain")).At(1).str(), "plain");
  EXPECT_EQ(CrawlRoot(heap, heap.Str("")).At(1).value_case(), proto::Object::kStr);
  EXPECT_EQ(CrawlRoot(heap, heap.Str(U"caf\u00e9")).At(1).str(), "caf\xc3\xa9");
  EXPECT_EQ(CrawlRoot(heap, heap.Str(U"\u20ac")).At(1).str(), "\xe2\x82\xac");
  EXPECT_EQ(CrawlRoot(heap, heap.Str(U"x\U0001f600")).At(1).str(), "x\xf0\x9f\x98\x80");
  // A lone surrogate, as surrogatepass encodes it.
  EXPECT_EQ(CrawlRoot(heap, heap.Str(std::u32string(1, char32_t{0xd800}))).At(1).str(), "\xed\xa0\x80");
  EXPECT_EQ(CrawlRoot(heap, heap.OutOfLineStr(heap.Symbol("PyUnicode_Type"), U"out\u20ac")).At(1).str(),
            "out\xe2\x82\xac");
  if (const Address legacy = heap.LegacyStr(U"old\u20ac")) {
    EXPECT_EQ(CrawlRoot(heap, legacy).At(1).str(), "old\xe2\x82\xac");
  }
}

TEST_P(ValuesTest, LongStringIsWhole) {
  const std::string text(100000, 'x');
  EXPECT_EQ(CrawlRoot(heap, heap.Str(text)).At(1).str(), text);
}

TEST_P(ValuesTest, NoCodePointIsInconsistent) {
  const Address str = heap.OutOfLineStr(heap.Symbol("PyUnicode_Type"), std::u32string(1, char32_t{0x110000}));
  EXPECT_EQ(CrawlRoot(heap, str).At(1).absent().reason(), proto::Absent::INCONSISTENT);
}

TEST_P(ValuesTest, Bytes) {
  EXPECT_EQ(CrawlRoot(heap, heap.Bytes(std::string("a\0\xff", 3))).At(1).bytes_value(), std::string("a\0\xff", 3));
  const Collected array = CrawlRoot(heap, heap.ByteArray("data"));
  EXPECT_EQ(array.At(1).bytes_value(), "data");
  EXPECT_EQ(array.TypeName(array.At(1)), "bytearray");
}

TEST_P(ValuesTest, Sequences) {
  const Address one = heap.Int(1);
  const Collected tuple = CrawlRoot(heap, heap.Tuple({one, heap.Str("two"), one}));
  ASSERT_EQ(tuple.At(1).sequence().item_size(), 3);
  EXPECT_EQ(tuple.At(1).sequence().kind(), proto::Sequence::TUPLE);
  EXPECT_EQ(tuple.At(1).sequence().item(0), tuple.At(1).sequence().item(2));
  EXPECT_EQ(tuple.At(tuple.At(1).sequence().item(1)).str(), "two");

  const Collected list = CrawlRoot(heap, heap.List({one, Address()}));
  EXPECT_EQ(list.At(1).sequence().kind(), proto::Sequence::LIST);
  ASSERT_EQ(list.At(1).sequence().item_size(), 2);
  EXPECT_EQ(list.At(1).sequence().item(1), 0u);
  EXPECT_EQ(CrawlRoot(heap, heap.List({})).At(1).value_case(), proto::Object::kSequence);
}

TEST_P(ValuesTest, Deque) {
  Items items;
  for (int i = 0; i < 200; ++i) items.push_back(heap.Int(i));
  const Collected found = CrawlRoot(heap, heap.Deque(items, 500, 60));
  ASSERT_EQ(found.At(1).sequence().item_size(), 200);
  EXPECT_EQ(found.At(1).sequence().kind(), proto::Sequence::DEQUE);
  EXPECT_EQ(found.At(found.At(1).sequence().item(199)).int_value(), 199);
  EXPECT_EQ(found.At(found.Attributes(found.At(1))["maxlen"]).int_value(), 500);
}

// Stopped in popleft, before it goes on to the next block (leftindex is 64), or centers an empty deque.
TEST_P(ValuesTest, DequeThatIsPopped) {
  const auto& layout = heap.layout().dequeobject;
  Items items;
  for (int i = 0; i < 5; ++i) items.push_back(heap.Int(i));
  const Address deque = heap.Deque(items, -1, 63);
  heap.Poke<int64_t>(deque + layout.leftindex, 64);
  heap.Poke<int64_t>(deque + heap.layout().PyVarObject.ob_size, 4);
  const Collected found = CrawlRoot(heap, deque);
  ASSERT_EQ(found.At(1).sequence().item_size(), 4);
  EXPECT_EQ(found.At(found.At(1).sequence().item(0)).int_value(), 1);

  const Address empty = heap.Deque({}, -1, 64);
  EXPECT_EQ(CrawlRoot(heap, empty).At(1).sequence().item_size(), 0);
  EXPECT_EQ(CrawlRoot(heap, empty).At(1).value_case(), proto::Object::kSequence);
}

// Stopped in append, which counts an item before it is there; and where the blocks do not lead to the last one.
TEST_P(ValuesTest, DequeThatIsChangedIsTorn) {
  const auto& layout = heap.layout().dequeobject;
  Items items;
  for (int i = 0; i < 100; ++i) items.push_back(heap.Int(i));
  const Address appended = heap.Deque(items, -1, 60);
  heap.Poke<int64_t>(appended + heap.layout().PyVarObject.ob_size, 101);
  EXPECT_EQ(CrawlRoot(heap, appended).At(1).absent().reason(), proto::Absent::TORN);

  const Address freed = heap.Deque(items, -1, 60);
  heap.PokePointer(freed + layout.rightblock, appended);
  const Collected found = CrawlRoot(heap, freed);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::TORN);
  EXPECT_EQ(found.At(1).sequence().item_size(), 0);
}

TEST_P(ValuesTest, Cycle) {
  const Address list = heap.List({heap.Int(1)});
  const Address items = *heap.memory().ReadPointer(list + heap.layout().PyListObject.ob_item);
  heap.PokePointer(items, list);
  EXPECT_THAT(CrawlRoot(heap, list).At(1).sequence().item(), ElementsAre(1));
}

TEST_P(ValuesTest, Sets) {
  const Collected set = CrawlRoot(heap, heap.Set("PySet_Type", {heap.Int(1), heap.Int(2)}));
  EXPECT_EQ(set.At(1).sequence().kind(), proto::Sequence::SET);
  ASSERT_EQ(set.At(1).sequence().item_size(), 2);
  EXPECT_EQ(set.At(set.At(1).sequence().item(1)).int_value(), 2);
  EXPECT_EQ(CrawlRoot(heap, heap.Set("PyFrozenSet_Type", {})).At(1).sequence().kind(), proto::Sequence::FROZENSET);
}

TEST_P(ValuesTest, Dicts) {
  const Entries entries = {{heap.Interned("a"), heap.Int(1)}, {heap.Interned("b"), heap.Int(2)}};
  for (const Address dict : {heap.Dict(entries), heap.Dict(entries, /*general=*/true), heap.Dict(entries, false, 3),
                             heap.SplitDict(entries)}) {
    const Collected found = CrawlRoot(heap, dict);
    EXPECT_FALSE(found.At(1).has_absent());
    ASSERT_EQ(found.At(1).mapping().key_size(), 2);
    EXPECT_EQ(found.At(found.At(1).mapping().key(0)).str(), "a");
    EXPECT_EQ(found.At(found.Entries(1)["b"]).int_value(), 2);
  }
}

TEST_P(ValuesTest, LargeDict) {
  Entries entries;
  for (int i = 0; i < 3000; ++i) entries.emplace_back(heap.Int(i), heap.True());
  const Collected found = CrawlRoot(heap, heap.Dict(entries, /*general=*/true));
  ASSERT_EQ(found.At(1).mapping().key_size(), 3000);
  EXPECT_EQ(found.At(found.At(1).mapping().key(2999)).int_value(), 2999);
}

TEST_P(ValuesTest, SplitDictWithHoles) {
  const Collected found =
      CrawlRoot(heap, heap.SplitDict({{heap.Interned("a"), Address()}, {heap.Interned("b"), heap.Int(2)}}));
  ASSERT_EQ(found.At(1).mapping().key_size(), 1);
  EXPECT_EQ(found.At(found.Entries(1)["b"]).int_value(), 2);
}

TEST_P(ValuesTest, DictCaughtWhileItChangesIsTorn) {
  const Address dict = heap.Dict({{heap.Interned("a"), heap.Int(1)}});
  heap.Poke<uint64_t>(dict + heap.layout().PyDictObject.ma_used, 5);
  const Collected found = CrawlRoot(heap, dict);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::TORN);
  EXPECT_EQ(found.At(1).mapping().key_size(), 1);
  EXPECT_EQ(found.At(1).length(), 5u);

  // An entry comes first, and is counted then: no budget has cut anything.
  const Entries two = {{heap.Interned("a"), heap.Int(1)}, {heap.Interned("b"), heap.Int(2)}};
  for (const uint64_t counted : {0, 1}) {
    const Address growing = heap.Dict(two);
    heap.Poke<uint64_t>(growing + heap.layout().PyDictObject.ma_used, counted);
    const Collected grown = CrawlRoot(heap, growing);
    EXPECT_EQ(grown.At(1).absent().reason(), proto::Absent::TORN);
    EXPECT_EQ(grown.At(1).mapping().key_size(), static_cast<int>(counted));
  }
}

TEST_P(ValuesTest, OrderedDict) {
  const Collected found =
      CrawlRoot(heap, heap.OrderedDict({{heap.Interned("a"), heap.Int(1)}, {heap.Interned("b"), heap.Int(2)}}, {1, 0}));
  ASSERT_EQ(found.At(1).mapping().key_size(), 2);
  EXPECT_EQ(found.At(found.At(1).mapping().key(0)).str(), "b");
}

TEST_P(ValuesTest, SlicesAndRanges) {
  const Collected slice = CrawlRoot(heap, heap.Slice(heap.Int(1), heap.None(), heap.Int(2)));
  EXPECT_FALSE(slice.At(1).slice().is_range());
  EXPECT_EQ(slice.At(slice.At(1).slice().step()).int_value(), 2);
  const Collected range = CrawlRoot(heap, heap.Range(heap.Int(1), heap.Int(9), heap.Int(2)));
  EXPECT_TRUE(range.At(1).slice().is_range());
  EXPECT_EQ(range.At(range.At(1).slice().stop()).int_value(), 9);
}

TEST_P(ValuesTest, Callables) {
  const Address globals = heap.Dict({{heap.Interned("__name__"), heap.Str("m")}});
  const Address code = heap.Code({}, {});
  const Address function = heap.Function(code, globals, "f");
  const Collected found = CrawlRoot(heap, heap.Method(function, heap.Int(7)));
  const proto::Method& method = found.At(1).method();
  EXPECT_EQ(found.At(method.self()).int_value(), 7);
  const proto::Function& f = found.At(method.function()).function();
  EXPECT_EQ(found.At(f.name()).str(), "f");
  EXPECT_EQ(found.At(f.code()).address(), code.value());
  EXPECT_EQ(found.At(f.globals()).address(), globals.value());

  const Collected builtin = CrawlRoot(heap, heap.BuiltinFunction("len", heap.None()));
  EXPECT_EQ(builtin.Text(builtin.At(1).builtin_function().name()), "len");
  const Collected descriptor =
      CrawlRoot(heap, heap.Descriptor("PyMethodDescr_Type", "append", heap.Symbol("PyList_Type")));
  EXPECT_EQ(descriptor.Text(descriptor.At(1).builtin_function().name()), "append");
  EXPECT_EQ(descriptor.At(descriptor.At(1).builtin_function().objclass()).address(),
            heap.Symbol("PyList_Type").value());
}

TEST_P(ValuesTest, Cells) {
  EXPECT_NE(CrawlRoot(heap, heap.Cell(heap.Int(1))).At(1).cell().contents(), 0u);
  const Collected empty = CrawlRoot(heap, heap.Cell(Address()));
  EXPECT_EQ(empty.At(1).value_case(), proto::Object::kCell);
  EXPECT_EQ(empty.At(1).cell().contents(), 0u);
}

TEST_P(ValuesTest, ModulesShowWhichTheyAre) {
  const Address module = heap.Module({{heap.Interned("__name__"), heap.Str("mod")},
                                      {heap.Interned("__spec__"), heap.None()},
                                      {heap.Interned("__file__"), heap.Str("/mod.py")},
                                      {heap.Interned("hidden"), heap.Str("nobody names this")}});
  const Collected found = CrawlRoot(heap, module);
  EXPECT_EQ(found.At(found.At(1).module().name()).str(), "mod");
  EXPECT_EQ(found.At(found.At(1).module().file()).str(), "/mod.py");
  EXPECT_EQ(found.Entries(found.At(1).module().dict()).count("hidden"), 0u);
  EXPECT_EQ(found.At(found.At(1).module().dict()).mapping().omitted(), 1u);
  EXPECT_FALSE(found.Mentions("nobody names this"));
}

TEST_P(ValuesTest, Exceptions) {
  const Address os_error = heap.StaticType("OSError");
  const Address error = heap.Exception(os_error, {heap.Int(2), heap.Str("gone")});
  const auto& layout = heap.layout();
  const Address cause = heap.Exception(heap.StaticType("BaseException"), {});
  heap.PokePointer(error + layout.PyBaseExceptionObject.cause, cause);
  heap.Poke<uint8_t>(error + layout.PyBaseExceptionObject.suppress_context, 1);
  heap.PokePointer(error + layout.PyOSErrorObject.myerrno, heap.Int(2));
  const Address traceback = heap.Traceback(Address(), Address(), 4, 17);
  heap.PokePointer(error + layout.PyBaseExceptionObject.traceback, traceback);

  const Collected found = CrawlRoot(heap, error);
  EXPECT_FALSE(found.At(1).has_absent());
  const proto::Exception& exception = found.At(1).exception();
  EXPECT_EQ(found.At(exception.args()).sequence().item_size(), 2);
  EXPECT_TRUE(exception.suppress_context());
  EXPECT_EQ(found.At(exception.cause()).value_case(), proto::Object::kException);
  EXPECT_EQ(found.At(exception.traceback()).traceback().line(), 17u);
  EXPECT_EQ(found.At(exception.traceback()).traceback().lasti(), 4);
  ASSERT_EQ(exception.field_size(), 2);
  EXPECT_EQ(found.Text(exception.field(0).name()), "errno");
  EXPECT_EQ(found.At(exception.field(0).value()).int_value(), 2);
  // A C-level field that is null reads as None.
  EXPECT_EQ(found.At(exception.field(1).value()).singleton(), proto::NONE);
}

TEST_P(ValuesTest, ClosedGenerators) {
  const Collected found = CrawlRoot(heap, heap.Generator("PyCoro_Type", "work"));
  EXPECT_EQ(found.At(1).generator().kind(), proto::Generator::COROUTINE);
  EXPECT_EQ(found.At(1).generator().state(), proto::Generator::CLOSED);
  EXPECT_EQ(found.At(found.At(1).generator().name()).str(), "work");
}

TEST_P(ValuesTest, Numbers64BitThatAreNoObjects) {
  const Collected found = CrawlFrom(heap, [](GraphCrawler& crawler) {
    EXPECT_EQ(crawler.RefInt(-5), 1u);
    EXPECT_EQ(crawler.RefInt(-5), 1u);
  });
  EXPECT_EQ(found.At(1).int_value(), -5);
  EXPECT_EQ(found.At(1).address(), 0u);
  EXPECT_EQ(found.TypeName(found.At(1)), "int");
}

}  // namespace
}  // namespace pysnap::testing
