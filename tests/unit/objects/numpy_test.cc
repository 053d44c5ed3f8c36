// Decoders of numpy's types, on every layout of CPython and both of numpy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "snapshotter/objects/decoders/numpy_layout.h"
#include "tests/support/collected.h"
#include "tests/support/numpy_objects.h"

namespace pysnap::testing {
namespace {

class NumpyTest : public EveryBuild {
 protected:
  static std::optional<std::string> Bytes(const Collected& found, const std::string& name) {
    for (const proto::BytesPart& part : found.At(1).parts().bytes_part()) {
      if (found.Text(part.name()) == name) return part.value();
    }
    return std::nullopt;
  }
  static std::optional<int64_t> Int(const Collected& found, const std::string& name) {
    for (const proto::IntPart& part : found.At(1).parts().int_part()) {
      if (found.Text(part.name()) == name) return part.value();
    }
    return std::nullopt;
  }
  static proto::Absent::Reason Reason(const Collected& found) { return found.At(1).absent().reason(); }
};
INSTANTIATE_TEST_SUITE_P(Builds, NumpyTest, ::testing::ValuesIn(AllBuilds()), BuildName);

constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

TEST_P(NumpyTest, DataIsFromTheLowestItemToTheHighest) {
  for (const NumpyVersion version : {NumpyVersion::k1, NumpyVersion::k2}) {
    const Address dtype = NumpyDType(heap, version, {.kind = 'i', .number = 3, .item_size = 2});
    const Address data = heap.CString("aabbccddee");
    const Collected forward = CrawlRoot(heap, NumpyArray(heap, dtype, data, {2}, {4}));
    EXPECT_EQ(Bytes(forward, "data"), "aabbcc");
    EXPECT_EQ(Int(forward, "offset"), 0);
    EXPECT_FALSE(forward.At(1).has_absent());
    const Collected backward = CrawlRoot(heap, NumpyArray(heap, dtype, data + 8, {3}, {-2}));
    EXPECT_EQ(Bytes(backward, "data"), "ccddee");
    EXPECT_EQ(Int(backward, "offset"), 4);
    const Collected empty = CrawlRoot(heap, NumpyArray(heap, dtype, Address(1), {3, 0}, {8, 8}));
    EXPECT_EQ(Bytes(empty, "data"), "");
    EXPECT_FALSE(empty.At(1).has_absent());
  }
}

TEST_P(NumpyTest, AViewLeavesTheMemoryToWhatItIsAViewOf) {
  const Address dtype = NumpyDType(heap, NumpyVersion::k2, {.kind = 'i', .number = 1, .item_size = 1});
  const Address data = heap.CString("abcdef");
  const Address base = NumpyArray(heap, dtype, data, {6}, {1});
  const Collected inside = CrawlRoot(heap, NumpyArray(heap, dtype, data + 5, {3}, {-2}, base));
  EXPECT_EQ(Int(inside, "offset"), 5);
  EXPECT_EQ(Bytes(inside, "data"), std::nullopt);
  // One that leads out of it is none, whatever it says.
  const Collected outside = CrawlRoot(heap, NumpyArray(heap, dtype, data + 4, {3}, {1}, base));
  EXPECT_EQ(Bytes(outside, "data"), std::string("ef\0", 3));
}

TEST_P(NumpyTest, ObjectsOfStructuredItems) {
  for (const NumpyVersion version : {NumpyVersion::k1, NumpyVersion::k2}) {
    const Address number = NumpyDType(heap, version, {.kind = 'i', .number = 7, .item_size = 8});
    const Address object = NumpyDType(heap, version, {.kind = 'O', .number = 17, .item_size = 8, .flags = 1});
    const Address record = NumpyDType(
        heap, version,
        {.kind = 'V', .number = 20, .item_size = 16, .flags = 1, .fields = {{"n", number, 0}, {"o", object, 8}}});
    const Address data = heap.Allocate(32);
    heap.PokePointer(data + 8, heap.Str("first"));
    const Collected found = CrawlRoot(heap, NumpyArray(heap, record, data, {2}, {16}));
    ASSERT_EQ(found.At(1).parts().item_size(), 2);
    EXPECT_EQ(found.At(found.At(1).parts().item(0)).str(), "first");
    EXPECT_EQ(found.At(1).parts().item(1), 0u);
    EXPECT_EQ(Bytes(found, "data")->size(), 32u);
    // With the size of an item that has no room for it.
    const Address small = NumpyDType(
        heap, version, {.kind = 'V', .number = 20, .item_size = 12, .flags = 1, .fields = {{"o", object, 8}}});
    EXPECT_EQ(Reason(CrawlRoot(heap, NumpyArray(heap, small, data, {2}, {12}))), proto::Absent::INCONSISTENT);
  }
}

TEST_P(NumpyTest, ADTypeThatContainsItself) {
  const Address record = NumpyDType(heap, NumpyVersion::k2, {.kind = 'V', .number = 20, .item_size = 8, .flags = 1});
  const Entries fields = {{heap.Interned("self"), heap.Tuple({record, heap.Int(0)})}};
  const numpy::DescrLayout& layout = numpy::kDescrLayouts[1];
  heap.PokePointer(record + layout.names, heap.Tuple({heap.Interned("self")}));
  heap.PokePointer(record + layout.fields, heap.Dict(fields));
  const Collected found = CrawlRoot(heap, NumpyArray(heap, record, heap.Allocate(8), {1}, {8}));
  EXPECT_EQ(Reason(found), proto::Absent::UNSUPPORTED);
}

TEST_P(NumpyTest, HostileSizes) {
  const Address dtype = NumpyDType(heap, NumpyVersion::k2, {});
  const Address data = heap.CString("0123456789abcdef");
  const struct {
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;
  } cases[] = {{{-1}, {8}},
               {{kLargest}, {8}},
               {{kLargest, kLargest}, {0, 0}},
               {{2, 2}, {kLargest, kLargest}},
               {{2}, {-kLargest}},
               {std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 8)}};
  for (const auto& [shape, strides] : cases) {
    const Collected found = CrawlRoot(heap, NumpyArray(heap, dtype, data, shape, strides));
    EXPECT_EQ(Reason(found), proto::Absent::INCONSISTENT) << shape.size() << " " << shape[0] << " " << strides[0];
  }
  // Not larger than memory, but not there.
  EXPECT_EQ(Reason(CrawlRoot(heap, NumpyArray(heap, dtype, data, {1 << 20}, {8}))), proto::Absent::UNREADABLE);
}

TEST_P(NumpyTest, DTypesThatContradictThemselves) {
  const Address data = heap.CString("0123456789abcdef");
  const auto reason = [&](const DTypeSpec& spec) {
    return Reason(CrawlRoot(heap, NumpyArray(heap, NumpyDType(heap, NumpyVersion::k2, spec), data, {1}, {8})));
  };
  EXPECT_EQ(reason({.kind = 'f'}), proto::Absent::INCONSISTENT);
  EXPECT_EQ(reason({.item_size = 4}), proto::Absent::INCONSISTENT);
  EXPECT_EQ(reason({.kind = 'U', .number = 19, .item_size = -4}), proto::Absent::INCONSISTENT);
  EXPECT_EQ(reason({.kind = 'T', .number = 2056, .item_size = 16}), proto::Absent::UNSUPPORTED);
  EXPECT_EQ(Reason(CrawlRoot(heap, NumpyArray(heap, heap.Int(1), data, {1}, {8}))), proto::Absent::INCONSISTENT);
}

}  // namespace
}  // namespace pysnap::testing
