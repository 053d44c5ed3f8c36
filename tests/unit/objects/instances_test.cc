// Classes and their instances, on every layout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshotter/cpython/type_flags.h"
#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

class InstancesTest : public EveryBuild {
 protected:
  // The attributes of an object, wherever they are, with their ids.
  static std::map<std::string, uint32_t> AllAttributes(const Collected& found, const proto::Object& object) {
    std::map<std::string, uint32_t> result = found.Attributes(object);
    if (object.dict() != 0) result.merge(found.Entries(object.dict()));
    return result;
  }
  Address object_type() const { return heap.Symbol("PyBaseObject_Type"); }
};
INSTANTIATE_TEST_SUITE_P(Builds, InstancesTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(InstancesTest, SharedKeys) {
  const Address type = heap.Class("Point", object_type(), {.shared_keys = {"x", "y"}});
  const Collected found = CrawlRoot(heap, heap.Instance(type, {{"x", heap.Int(1)}, {"y", heap.Int(2)}}));
  EXPECT_FALSE(found.At(1).has_absent()) << found.At(1).absent().DebugString();
  EXPECT_EQ(found.At(1).value_case(), proto::Object::VALUE_NOT_SET);
  auto attributes = AllAttributes(found, found.At(1));
  EXPECT_EQ(attributes.size(), 2u);
  EXPECT_EQ(found.At(attributes["y"]).int_value(), 2);
}

TEST_P(InstancesTest, UnsetSharedKey) {
  const Address type = heap.Class("Point", object_type(), {.shared_keys = {"x", "y"}});
  const Address instance = heap.Instance(type, {{"x", Address()}, {"y", heap.Int(2)}});
  if (GetParam().version->read_instance_attributes == AttributesAtDictOffset) GTEST_SKIP() << "has no such values";
  const Collected found = CrawlRoot(heap, instance);
  auto attributes = AllAttributes(found, found.At(1));
  EXPECT_EQ(attributes.size(), 1u);
  EXPECT_EQ(found.At(attributes["y"]).int_value(), 2);
}

TEST_P(InstancesTest, OwnDict) {
  const Address type = heap.Class("Open", object_type(), {.shared_keys = {"x"}});
  const Collected found = CrawlRoot(heap, heap.Instance(type, {{"a", heap.Int(1)}, {"b", heap.Int(2)}}));
  EXPECT_NE(found.At(1).dict(), 0u);
  EXPECT_EQ(found.At(found.Entries(found.At(1).dict())["b"]).int_value(), 2);
}

TEST_P(InstancesTest, Slots) {
  const Address base = heap.Class("Base", object_type(), {.slots = {"a"}, .has_dict = false});
  const Address type = heap.Class("Derived", base, {.slots = {"b", "c"}, .has_dict = false});
  const Address instance = heap.Object(type, heap.BasicSize(type));
  heap.SetSlot(instance, base, 0, heap.Int(1));
  heap.SetSlot(instance, type, 1, heap.Int(3));
  const Collected found = CrawlRoot(heap, instance);
  EXPECT_FALSE(found.At(1).has_absent()) << found.At(1).absent().DebugString();
  auto attributes = found.Attributes(found.At(1));
  EXPECT_EQ(attributes.size(), 2u);  // b is unset
  EXPECT_EQ(found.At(attributes["a"]).int_value(), 1);
  EXPECT_EQ(found.At(attributes["c"]).int_value(), 3);
  const proto::Type& described = found.At(found.At(1).type()).type_value();
  ASSERT_EQ(described.slot_size(), 2);
  EXPECT_EQ(found.Text(described.slot(0)), "b");
}

TEST_P(InstancesTest, SubclassOfListHasItemsAndAttributes) {
  const Address type = heap.Class("Stack", heap.Symbol("PyList_Type"), {});
  const Address list = heap.List({heap.Int(5)});
  const Address instance = heap.Object(type, heap.BasicSize(type));
  std::vector<std::byte> payload;
  const uint64_t header = static_cast<uint64_t>(heap.layout().PyObject.size_);
  const uint64_t size = static_cast<uint64_t>(heap.layout().PyListObject.size_) - header;
  ASSERT_TRUE(heap.memory().ReadArray(list + static_cast<int64_t>(header), size, payload).ok());
  heap.memory().Write(instance + static_cast<int64_t>(header), payload.data(), payload.size());
  heap.SetDict(instance, type, heap.BasicSize(type), heap.Dict({{heap.Interned("label"), heap.Str("s")}}));
  const Collected found = CrawlRoot(heap, instance);
  EXPECT_FALSE(found.At(1).has_absent()) << found.At(1).absent().DebugString();
  EXPECT_EQ(found.At(1).sequence().item_size(), 1);
  EXPECT_EQ(found.At(found.Entries(found.At(1).dict())["label"]).str(), "s");
  EXPECT_EQ(found.TypeName(found.At(1)), "Stack");
}

TEST_P(InstancesTest, SubclassOfTupleHasItsDictAtTheEnd) {
  const Address type = heap.Class("Pair", heap.Symbol("PyTuple_Type"), {});
  const uint64_t size = heap.BasicSize(type) + 3 * 8;
  const Address instance = heap.Object(type, size);
  heap.Poke<uint64_t>(instance + heap.layout().PyVarObject.ob_size, 3);
  for (int i = 0; i < 3; ++i) {
    heap.PokePointer(instance + heap.layout().PyTupleObject.ob_item + i * 8, heap.Int(i));
  }
  heap.SetDict(instance, type, size, heap.Dict({{heap.Interned("note"), heap.Int(9)}}));
  const Collected found = CrawlRoot(heap, instance);
  EXPECT_FALSE(found.At(1).has_absent()) << found.At(1).absent().DebugString();
  EXPECT_EQ(found.At(1).sequence().item_size(), 3);
  EXPECT_EQ(found.At(found.Entries(found.At(1).dict())["note"]).int_value(), 9);
}

TEST_P(InstancesTest, SubclassOfIntHasItsDictAtTheEnd) {
  const Address type = heap.Class("Flag", heap.Symbol("PyLong_Type"), {});
  const Address plain = heap.Int((int64_t{1} << 40) + 1);
  const uint64_t size = heap.BasicSize(type) + 2 * 4;
  const Address instance = heap.Object(type, size);
  std::vector<std::byte> payload;
  const int64_t header = heap.layout().PyObject.size_;
  ASSERT_TRUE(heap.memory().ReadArray(plain + header, 8 + 8, payload).ok());
  heap.memory().Write(instance + header, payload.data(), payload.size());
  heap.SetDict(instance, type, size, heap.Dict({{heap.Interned("label"), heap.Int(9)}}));
  const Collected found = CrawlRoot(heap, instance);
  EXPECT_FALSE(found.At(1).has_absent()) << found.At(1).absent().DebugString();
  EXPECT_EQ(found.At(1).int_value(), (int64_t{1} << 40) + 1);
  EXPECT_EQ(found.At(found.Entries(found.At(1).dict())["label"]).int_value(), 9);
}

TEST_P(InstancesTest, UnknownTypeOfCIsUnsupported) {
  const Collected found = CrawlRoot(heap, heap.Object(heap.StaticType("_random.Random"), 40));
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::UNSUPPORTED);
  EXPECT_EQ(found.TypeName(found.At(1)), "Random");
  EXPECT_EQ(found.Text(found.At(found.At(1).type()).type_value().module()), "_random");
}

TEST_P(InstancesTest, UnknownTypeTellsWhatItPointsTo) {
  const Address object = heap.Object(heap.StaticType("_random.Random"), 40);
  heap.Poke(heap.StaticType("_random.Random") + heap.layout().PyTypeObject.tp_basicsize, int64_t{96});
  const Address random = heap.Object(heap.StaticType("_random.Random"), 96);
  // A struct of types has in place of a count of references an address, and behind it a type.
  const Address types = heap.Allocate(16);
  heap.PokePointer(types, heap.StaticType("int"));
  heap.PokePointer(types + 8, heap.StaticType("str"));
  const Address freed = heap.Int(3);
  heap.Poke(freed + heap.layout().PyObject.ob_refcnt, int64_t{0});
  const Address pointers[] = {heap.Int(7), types, Address(8), random, freed, heap.Int(5) + 1, object, heap.Str("last")};
  Offset at = 16;
  for (const Address pointer : pointers) {
    heap.PokePointer(random + at, pointer);
    at += 8;
  }
  const Collected found = CrawlRoot(heap, random);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::UNSUPPORTED);
  std::vector<std::string> names;
  for (const proto::Attribute& part : found.At(1).parts().part()) names.push_back(found.Text(part.name()));
  EXPECT_THAT(names, ::testing::ElementsAre("+16", "+64", "+72"));
  EXPECT_EQ(found.At(found.At(1).parts().part(0).value()).int_value(), 7);
  EXPECT_EQ(found.At(found.At(1).parts().part(2).value()).str(), "last");
}

TEST_P(InstancesTest, SubclassOfUnknownTypeKeepsItsAttributes) {
  const Address type = heap.Class("MyRandom", heap.StaticType("_random.Random"), {});
  const Address instance = heap.Object(type, heap.BasicSize(type));
  heap.SetDict(instance, type, heap.BasicSize(type), heap.Dict({{heap.Interned("owner"), heap.Str("me")}}));
  const Collected found = CrawlRoot(heap, instance);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::UNSUPPORTED);
  EXPECT_EQ(found.At(found.Entries(found.At(1).dict())["owner"]).str(), "me");
}

TEST_P(InstancesTest, Classes) {
  const Address type = heap.Class("Point", object_type(), {.module = "geometry"});
  const Collected found = CrawlRoot(heap, type);
  const proto::Type& described = found.At(1).type_value();
  EXPECT_EQ(found.Text(described.name()), "Point");
  EXPECT_EQ(found.Text(described.qualname()), "outer.Point");
  EXPECT_EQ(found.Text(described.module()), "geometry");
  EXPECT_TRUE(described.heap());
  ASSERT_EQ(described.base_size(), 1);
  EXPECT_EQ(found.Text(found.At(described.base(0)).type_value().name()), "object");
  EXPECT_EQ(described.mro_size(), 3);
  EXPECT_NE(described.flags() & kTypeHeap, 0u);
}

TEST_P(InstancesTest, StaticTypes) {
  const Collected found = CrawlRoot(heap, heap.StaticType("collections.deque"));
  const proto::Type& described = found.At(1).type_value();
  EXPECT_EQ(found.Text(described.name()), "deque");
  EXPECT_EQ(found.Text(described.module()), "collections");
  EXPECT_FALSE(described.heap());
  EXPECT_EQ(described.dict(), 0u);
}

TEST_P(InstancesTest, MetaclassInstancesAreTypes) {
  const Address meta = heap.Class("Meta", heap.Symbol("PyType_Type"), {.has_dict = false});
  const Address type = heap.Class("WithMeta", object_type(), {});
  heap.PokePointer(type + heap.layout().PyObject.ob_type, meta);
  const Collected found = CrawlRoot(heap, type);
  EXPECT_FALSE(found.At(1).has_absent()) << found.At(1).absent().DebugString();
  EXPECT_EQ(found.Text(found.At(1).type_value().name()), "WithMeta");
  EXPECT_EQ(found.TypeName(found.At(1)), "Meta");
}

TEST_P(InstancesTest, WhatIsNoTypeMakesTheObjectInconsistent) {
  const Address object = heap.Object(heap.Str("not a type"), 16);
  const Collected found = CrawlRoot(heap, object);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::INCONSISTENT);
  EXPECT_EQ(found.At(1).type(), 0u);
}

TEST_P(InstancesTest, EndlessBasesAreInconsistent) {
  const Address type = heap.Class("Loop", object_type(), {});
  heap.PokePointer(type + heap.layout().PyTypeObject.tp_base, type);
  const Collected found = CrawlRoot(heap, heap.Object(type, 64));
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::INCONSISTENT);
}

}  // namespace
}  // namespace pysnap::testing
