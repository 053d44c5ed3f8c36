// Tensors of torch on a TargetHeap.
#ifndef PYSNAP_TESTS_SUPPORT_TORCH_OBJECTS_H_
#define PYSNAP_TESTS_SUPPORT_TORCH_OBJECTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "snapshotter/objects/decoders/torch_layout.h"
#include "tests/support/target_heap.h"

namespace pysnap::testing {

// CPU, Dense, ADInplaceOrView, the CPU's autograd and AutocastCPU, as in 2.8.
constexpr uint64_t kPlainKeySet = 0x1 | 0x10000 | 0x800000000 | 0x2000000000 | 0x10000000000;

struct TensorSpec {
  const torch::TensorLayout* layout = &torch::kTensorLayouts[0];
  uint16_t scalar_type = 6;  // float32
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};  // items
  int64_t first = 0;
  int64_t count = -1;  // -1: as many as the shape says
  uint64_t key_set = kPlainKeySet;
};

// A StorageImpl; a tensor is made of one.
Address TorchStorage(TargetHeap& heap,
                     const torch::TensorLayout& layout,
                     const std::string& contents,
                     int8_t device = 0);
Address TorchTensor(TargetHeap& heap, Address storage, const TensorSpec& spec);
// Gives it an AutogradMeta, with a std::string of the present ABI or the one before.
void RequireGradient(
    TargetHeap& heap, Address tensor, const torch::TensorLayout& layout, bool old_string, uint8_t flag, Address grad);

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_TORCH_OBJECTS_H_
