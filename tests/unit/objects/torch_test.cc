// Decoders of torch's types, on every layout of CPython and of torch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/collected.h"
#include "tests/support/torch_objects.h"

namespace pysnap::testing {
namespace {

using torch::kTensorLayouts;
using torch::TensorLayout;

constexpr uint32_t kRoot = 1;

class TorchTest : public EveryBuild {
 protected:
  static std::optional<std::string> Bytes(const Collected& found, const std::string& name, uint32_t id = kRoot) {
    for (const proto::BytesPart& part : found.At(id).parts().bytes_part()) {
      if (found.Text(part.name()) == name) return part.value();
    }
    return std::nullopt;
  }
  static std::optional<int64_t> Int(const Collected& found, const std::string& name, uint32_t id = kRoot) {
    for (const proto::IntPart& part : found.At(id).parts().int_part()) {
      if (found.Text(part.name()) == name) return part.value();
    }
    return std::nullopt;
  }
  static uint32_t Part(const Collected& found, const std::string& name, uint32_t id = kRoot) {
    for (const proto::Attribute& part : found.At(id).parts().part()) {
      if (found.Text(part.name()) == name) return part.value();
    }
    return 0;
  }
  static std::string Packed(const std::vector<int64_t>& sizes) {
    return {reinterpret_cast<const char*>(sizes.data()), sizes.size() * sizeof(int64_t)};
  }
  static proto::Absent::Reason Reason(const Collected& found, uint32_t id = kRoot) {
    return found.At(id).absent().reason();
  }
  // Of a tensor of two items of each in a storage of 16 bytes.
  Collected Crawl(TensorSpec spec) {
    return CrawlRoot(heap, TorchTensor(heap, TorchStorage(heap, *spec.layout, "0123456789abcdef"), spec));
  }
};
INSTANTIATE_TEST_SUITE_P(Builds, TorchTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(TorchTest, EveryLayout) {
  for (const TensorLayout& layout : kTensorLayouts) {
    const Collected found = Crawl({.layout = &layout, .shape = {2, 1}, .strides = {1, 2}, .first = 1});
    EXPECT_FALSE(found.At(kRoot).has_absent());
    EXPECT_EQ(Bytes(found, "dtype"), "float32");
    EXPECT_EQ(Bytes(found, "kind"), "f");
    EXPECT_EQ(Bytes(found, "device"), "cpu");
    EXPECT_EQ(Bytes(found, "data"), "0123456789abcdef");
    EXPECT_EQ(Bytes(found, "shape"), Packed({2, 1}));
    EXPECT_EQ(Bytes(found, "strides"), Packed({4, 8}));
    EXPECT_EQ(Int(found, "offset"), 4);
    EXPECT_EQ(Int(found, "requires_grad"), 0);
    EXPECT_EQ(Part(found, "grad"), 0u);
  }
}

TEST_P(TorchTest, MoreDimensionsThanFitTheStruct) {
  const std::vector<int64_t> shape = {1, 1, 2, 1, 1, 2};
  const Collected found = Crawl({.shape = shape, .strides = {4, 4, 2, 2, 2, 1}});
  EXPECT_FALSE(found.At(kRoot).has_absent());
  EXPECT_EQ(Bytes(found, "shape"), Packed(shape));
  EXPECT_EQ(Bytes(found, "strides"), Packed({16, 16, 8, 8, 8, 4}));
}

TEST_P(TorchTest, TheFirstThatIsMetHasTheStorageThatTheyShare) {
  for (const TensorLayout& layout : kTensorLayouts) {
    const Address storage = TorchStorage(heap, layout, "0123456789abcdef");
    const Address first = TorchTensor(heap, storage, {.layout = &layout, .shape = {2}, .strides = {1}, .first = 2});
    const Address second = TorchTensor(heap, storage, {.layout = &layout, .shape = {4}, .strides = {1}});
    const Collected found = CrawlRoot(heap, heap.Tuple({first, second}));
    const auto& items = found.At(kRoot).sequence().item();
    ASSERT_EQ(items.size(), 2);
    EXPECT_EQ(Bytes(found, "data", items[0]), "0123456789abcdef");
    EXPECT_EQ(Part(found, "base", items[0]), 0u);
    EXPECT_EQ(Bytes(found, "data", items[1]), std::nullopt);
    EXPECT_EQ(Part(found, "base", items[1]), items[0]);
  }
}

TEST_P(TorchTest, WhetherAGradientIsRequiredAndWhichItIs) {
  for (const TensorLayout& layout : kTensorLayouts) {
    for (const bool old_string : {false, true}) {
      const Address storage = TorchStorage(heap, layout, "0123456789abcdef");
      const TensorSpec spec = {.layout = &layout, .shape = {2}, .strides = {1}};
      const Address tensor = TorchTensor(heap, storage, spec);
      RequireGradient(heap, tensor, layout, old_string, 1, Address());
      const Collected without = CrawlRoot(heap, tensor);
      EXPECT_EQ(Int(without, "requires_grad"), 1);
      EXPECT_EQ(Part(without, "grad"), 0u);
      const Address grad = TorchTensor(heap, TorchStorage(heap, layout, "12345678"), spec);
      RequireGradient(heap, tensor, layout, old_string, 1, grad);
      const Collected with = CrawlRoot(heap, tensor);
      EXPECT_EQ(Bytes(with, "data", Part(with, "grad")), "12345678");
      RequireGradient(heap, tensor, layout, old_string, 7, Address());
      const Collected wrong = CrawlRoot(heap, tensor);
      EXPECT_EQ(Int(wrong, "requires_grad"), std::nullopt);
      EXPECT_EQ(Reason(wrong, Part(wrong, "requires_grad")), proto::Absent::INCONSISTENT);
      EXPECT_EQ(Bytes(wrong, "data"), "0123456789abcdef");
    }
  }
}

TEST_P(TorchTest, AGradientThatIsNoObjectOfPythonYet) {
  for (const TensorLayout& layout : kTensorLayouts) {
    const TensorSpec spec = {.layout = &layout, .shape = {2}, .strides = {1}};
    const Address tensor = TorchTensor(heap, TorchStorage(heap, layout, "0123456789abcdef"), spec);
    const Address grad = TorchTensor(heap, TorchStorage(heap, layout, "12345678"), spec);
    RequireGradient(heap, tensor, layout, /*old_string=*/false, 1, grad);
    const Address implementation = *heap.memory().ReadPointer(grad + layout.implementation);
    heap.PokePointer(implementation + layout.python_object, Address());
    const Collected found = CrawlRoot(heap, tensor);
    const uint32_t made = Part(found, "grad");
    EXPECT_EQ(Bytes(found, "data", made), "12345678");
    EXPECT_EQ(Int(found, "requires_grad", made), 0);
    EXPECT_FALSE(found.At(made).has_absent());
    EXPECT_EQ(found.At(made).type(), found.At(kRoot).type());
    // One that has a gradient itself is not followed further.
    heap.PokePointer(implementation + layout.header + torch::kAutogradMeta,
                     *heap.memory().ReadPointer(*heap.memory().ReadPointer(tensor + layout.implementation) +
                                                layout.header + torch::kAutogradMeta));
    const Collected endless = CrawlRoot(heap, tensor);
    EXPECT_EQ(Reason(endless, Part(endless, "grad")), proto::Absent::UNSUPPORTED);
  }
}

// c10/core/DispatchKey.h of these releases.
TEST_P(TorchTest, ItemsThatAreNotWhatLiesInMemory) {
  struct Release {
    uint64_t dense, autograd, autocast, conjugate, negative, sparse, quantized;
  };
  const auto bit = [](int number) { return uint64_t{1} << number; };
  const Release kReleases[] = {
      {0x1, bit(39) | bit(37), bit(51), bit(34), bit(35), bit(19), bit(14)},                    // 1.10
      {0x1 | bit(13), bit(36) | bit(34), bit(39), bit(30), bit(31), 1 | bit(22), 1 | bit(19)},  // 1.12
      {0x1 | bit(14), bit(37) | bit(35), bit(40), bit(32), bit(33), 1 | bit(22), 1 | bit(19)},  // 1.13
      {0x1 | bit(15), bit(38) | bit(36), bit(41), bit(33), bit(34), 1 | bit(23), 1 | bit(20)},  // 2.0
      {0x1 | bit(15), bit(37) | bit(35), bit(40), bit(32), bit(33), 1 | bit(23), 1 | bit(20)},  // 2.3
      {0x1 | bit(16), bit(36) | bit(34), bit(39), bit(31), bit(32), 1 | bit(23), 1 | bit(20)},  // 2.13
  };
  for (const Release& release : kReleases) {
    const auto is_read = [&](uint64_t key_set) {
      return !Crawl({.shape = {2}, .strides = {1}, .key_set = key_set}).At(kRoot).has_absent();
    };
    const uint64_t inference = release.dense | release.autocast;
    const uint64_t plain = inference | release.autograd;
    EXPECT_TRUE(is_read(plain));
    EXPECT_TRUE(is_read(inference));
    for (const uint64_t basis : {plain, inference}) {
      EXPECT_FALSE(is_read(basis | release.conjugate));
      EXPECT_FALSE(is_read(basis | release.negative));
      EXPECT_FALSE(is_read(basis | release.conjugate | release.negative));
      EXPECT_FALSE(is_read(basis & ~uint64_t{1})) << "not of the CPU";
    }
    for (const uint64_t other : {release.sparse, release.quantized}) {
      EXPECT_FALSE(is_read(release.autograd | release.autocast | other));
      EXPECT_FALSE(is_read(release.autocast | other));
    }
  }
}

TEST_P(TorchTest, ElsewhereThanInMemory) {
  const TensorLayout& layout = kTensorLayouts[2];
  const Address storage = TorchStorage(heap, layout, "0123", /*device=*/1);
  const Collected found =
      CrawlRoot(heap, TorchTensor(heap, storage, {.layout = &layout, .shape = {1}, .strides = {1}}));
  EXPECT_EQ(Reason(found), proto::Absent::UNSUPPORTED);
  EXPECT_EQ(Bytes(found, "device"), "cuda:0");
  EXPECT_EQ(Bytes(found, "shape"), Packed({1}));
  EXPECT_EQ(Bytes(found, "data"), std::nullopt);
}

TEST_P(TorchTest, HostileSizes) {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  const TensorSpec cases[] = {
      {.shape = {-1}, .strides = {1}},
      {.shape = {2}, .strides = {-1}},
      {.shape = {kLargest, kLargest}, .strides = {1, 1}},
      {.shape = {kLargest}, .strides = {kLargest}},
      {.shape = {kLargest}, .strides = {1}},
      {.shape = {5}, .strides = {1}},
      {.shape = {2}, .strides = {1}, .first = 3},
      {.shape = {2}, .strides = {1}, .first = -1},
      {.shape = {2}, .strides = {1}, .first = kLargest},
      {.shape = {2}, .strides = {1}, .count = 3},
      {.shape = std::vector<int64_t>(65, 1), .strides = std::vector<int64_t>(65, 1)},
  };
  for (const TensorSpec& spec : cases) {
    EXPECT_EQ(Reason(Crawl(spec)), proto::Absent::INCONSISTENT) << spec.shape[0] << " " << spec.strides[0];
  }
}

TEST_P(TorchTest, WhatIsNotKnown) {
  EXPECT_EQ(Reason(Crawl({.scalar_type = 12, .shape = {2}, .strides = {1}})), proto::Absent::UNSUPPORTED);
  const Address storage = TorchStorage(heap, kTensorLayouts[0], "0123456789abcdef");
  const Address tensor = TorchTensor(heap, storage, {.shape = {2}, .strides = {1}});
  const Address implementation = *heap.memory().ReadPointer(tensor + kTensorLayouts[0].implementation);
  heap.PokePointer(implementation + kTensorLayouts[0].python_object, heap.Int(1));
  EXPECT_EQ(Reason(CrawlRoot(heap, tensor)), proto::Absent::UNSUPPORTED);
}

TEST_P(TorchTest, NamesAndDevices) {
  const Address dtype = heap.Object(heap.StaticType("torch.dtype"), 88);
  heap.memory().Write(dtype + torch::kName, "float32", 8);
  EXPECT_EQ(Bytes(CrawlRoot(heap, dtype), "name"), "float32");
  const std::string endless(torch::kNameSize, 'x');
  heap.memory().Write(dtype + torch::kName, endless.data(), endless.size());
  EXPECT_EQ(Reason(CrawlRoot(heap, dtype)), proto::Absent::INCONSISTENT);
  const Address device = heap.Object(heap.StaticType("torch.device"), 24);
  heap.Poke(device + torch::kDeviceType, int8_t{1});
  heap.Poke(device + torch::kDeviceIndex, int8_t{2});
  const Collected found = CrawlRoot(heap, device);
  EXPECT_EQ(Bytes(found, "type"), "cuda");
  EXPECT_EQ(Int(found, "index"), 2);
}

}  // namespace
}  // namespace pysnap::testing
