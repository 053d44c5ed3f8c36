// repr() of weak references, on snapshots made by hand; tests/programs/catalogue.py has those that Python makes.
#include <string>

#include "gtest/gtest.h"
#include "snapshotter/format/repr.h"
#include "tests/unit/format/test_snapshot.h"

namespace pysnap::format {
namespace {

class WeakReprTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  // A weak reference at 0x2000 to an object of this type at `address`.
  std::string ReprOf(uint32_t type, uint64_t address, const char* kind = "ReferenceType") {
    uint32_t referent;
    proto::Object* object = built_.Add(&referent);
    object->set_type(type);
    object->set_address(address);
    const uint32_t own_type = built_.Type(kind, "weakref", false);
    uint32_t reference;
    object = built_.Add(&reference);
    object->set_type(own_type);
    object->set_address(0x2000);
    proto::Attribute* part = object->mutable_parts()->add_part();
    part->set_name(built_.String("object"));
    part->set_value(referent);
    return Repr(*built_.Load(), reference, {}).text;
  }

  TestSnapshot built_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Versions, WeakReprTest, ::testing::Values(10, 12, 13));

constexpr char kBare[] = "<weakref.ReferenceType object at 0x2000>";

TEST_P(WeakReprTest, ToAnObjectOfC) {
  EXPECT_EQ(ReprOf(built_.Type("set", "builtins", false), 0x3000), "<weakref at 0x2000; to 'set' at 0x3000>");
}

TEST_P(WeakReprTest, Proxy) {
  EXPECT_EQ(ReprOf(built_.Type("set", "builtins", false), 0x3000, "ProxyType"),
            GetParam() >= 13 ? "<weakproxy at 0x2000; to 'set' at 0x3000>" : "<weakproxy at 0x2000 to set at 0x3000>");
}

TEST_P(WeakReprTest, ARedactedValueHasNoAddress) { EXPECT_EQ(ReprOf(built_.Type("set", "builtins", false), 0), kBare); }

// Whether they have a __name__ is not known.
TEST_P(WeakReprTest, ToWhatACLibraryMade) { EXPECT_EQ(ReprOf(built_.Type("ufunc", "numpy", false), 0x3000), kBare); }

TEST_P(WeakReprTest, ToAnInstanceOfAClassThatIsNotWhole) {
  EXPECT_EQ(ReprOf(built_.Type("Model", "app", true), 0x3000), kBare);
}

}  // namespace
}  // namespace pysnap::format
