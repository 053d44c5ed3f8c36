// Objects of C extensions whose fields somebody has declared, on every layout.
#include "snapshotter/objects/declared_layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

constexpr char kLayout[] = R"({"types": [{"name": "_random.Random", "size": 88, "fields": [
  {"name": "small", "type": "int8", "offset": 16},
  {"name": "ratio", "type": "float", "offset": 20},
  {"name": "serial", "type": "uint64", "offset": 24},
  {"name": "text", "type": "string", "offset": 32},
  {"name": "password", "type": "string", "offset": 72},
  {"name": "inside", "type": "bytes", "offset": 24, "count": 2},
  {"name": "count", "type": "int64", "offset": 48},
  {"name": "data", "type": "bytes", "offset": 56, "pointer": true, "count": "count", "item_size": 2},
  {"name": "object", "type": "object", "offset": 64}]}]})";

class DeclaredLayoutsTest : public EveryBuild {
 protected:
  void SetUp() override {
    EXPECT_EQ(layouts_.Add(kLayout), absl::OkStatus());
    heap.Poke(heap.StaticType("_random.Random") + heap.layout().PyTypeObject.tp_basicsize, int64_t{88});
    object_ = heap.Object(heap.StaticType("_random.Random"), 88);
  }

  Collected Crawl() {
    CrawlOptions options;
    options.layouts = &layouts_;
    options.redaction = &rules_;
    return CrawlRoot(heap, object_, options);
  }

  static std::map<std::string, proto::Object> Attributes(const Collected& found) {
    std::map<std::string, proto::Object> attributes;
    for (const proto::Attribute& attribute : found.At(1).attribute()) {
      attributes[found.Text(attribute.name())] = found.At(attribute.value());
    }
    return attributes;
  }

  const RedactionRules rules_ = *RedactionRules::Create(true, {});
  DeclaredLayouts layouts_;
  Address object_;
};
INSTANTIATE_TEST_SUITE_P(Builds, DeclaredLayoutsTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(DeclaredLayoutsTest, Fields) {
  heap.Poke(object_ + 16, int8_t{-3});
  heap.Poke(object_ + 20, 0.5f);
  heap.Poke(object_ + 24, uint64_t{0xfffffffffffffffe});
  heap.PokePointer(object_ + 32, heap.CString("caf\xc3\xa9"));
  heap.Poke(object_ + 48, int64_t{3});
  heap.PokePointer(object_ + 56, heap.CString("abcdef"));
  heap.PokePointer(object_ + 64, heap.Tuple({heap.Int(7), heap.Str("before hunter-2 after")}));
  heap.PokePointer(object_ + 72, heap.CString("hunter-2"));
  const Collected found = Crawl();
  EXPECT_FALSE(found.At(1).has_absent());
  auto fields = Attributes(found);
  EXPECT_EQ(fields["small"].int_value(), -3);
  EXPECT_EQ(fields["ratio"].float_value(), 0.5);
  EXPECT_EQ(fields["serial"].big_int(), std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\0", 9));
  EXPECT_EQ(fields["text"].str(), "caf\xc3\xa9");
  EXPECT_EQ(fields["password"].absent().reason(), proto::Absent::REDACTED);
  EXPECT_EQ(fields["inside"].bytes_value(), "\xfe\xff");
  EXPECT_EQ(fields["data"].bytes_value(), "abcdef");
  EXPECT_EQ(found.At(fields["object"].sequence().item(0)).int_value(), 7);
  EXPECT_EQ(found.At(fields["object"].sequence().item(1)).absent().reason(), proto::Absent::REDACTED);
}

TEST_P(DeclaredLayoutsTest, NullAndWhatIsNoText) {
  EXPECT_TRUE(Attributes(Crawl())["text"].has_singleton());
  EXPECT_TRUE(Attributes(Crawl())["data"].has_singleton());
  EXPECT_EQ(Attributes(Crawl()).count("object"), 0u);
  for (const char* text : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    heap.PokePointer(object_ + 32, heap.CString(text));
    EXPECT_EQ(Attributes(Crawl())["text"].bytes_value(), text);
  }
}

TEST_P(DeclaredLayoutsTest, AFieldThatCannotBeRead) {
  heap.PokePointer(object_ + 32, Address(8));
  EXPECT_EQ(Crawl().At(1).absent().reason(), proto::Absent::UNREADABLE);
  EXPECT_EQ(Attributes(Crawl())["small"].int_value(), 0);
  heap.PokePointer(object_ + 32, Address());
  heap.PokePointer(object_ + 56, heap.CString("abcdef"));
  for (const int64_t count : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    heap.Poke(object_ + 48, count);
    EXPECT_EQ(Crawl().At(1).absent().reason(), proto::Absent::INCONSISTENT);
  }
}

}  // namespace
}  // namespace pysnap::testing
