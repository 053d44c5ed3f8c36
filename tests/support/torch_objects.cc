#include "tests/support/torch_objects.h"

#include <numeric>

namespace pysnap::testing {

Address TorchStorage(TargetHeap& heap, const torch::TensorLayout& layout, const std::string& contents, int8_t device) {
  const Address storage = heap.Allocate(96);
  const Address fields = storage + layout.header;
  const Address data = heap.Allocate(contents.size() + 1);
  heap.memory().Write(data, contents.data(), contents.size());
  heap.PokePointer(fields + torch::kStorageData, data);
  heap.Poke(fields + torch::kStorageDeviceType, device);
  heap.Poke(fields + torch::kStorageDeviceIndex, static_cast<int8_t>(device == 0 ? -1 : 0));
  heap.Poke(fields + torch::kStorageSize, static_cast<int64_t>(contents.size()));
  return storage;
}

Address TorchTensor(TargetHeap& heap, Address storage, const TensorSpec& spec) {
  const torch::TensorLayout& layout = *spec.layout;
  const Address type = heap.StaticType("torch._C.TensorBase");
  heap.Poke(type + heap.layout().PyTypeObject.tp_basicsize, layout.python_size);
  const Address object = heap.Object(type, static_cast<uint64_t>(layout.python_size));
  const Address implementation = heap.Allocate(192);
  heap.PokePointer(object + layout.implementation, implementation);
  heap.PokePointer(implementation + layout.python_object, object);
  heap.PokePointer(implementation + layout.header + torch::kStorage, storage);
  const Address fields = implementation + layout.python_object;
  const auto dimensions = static_cast<int64_t>(spec.shape.size());
  heap.Poke(fields + torch::kDimensionCount, dimensions);
  Address sizes = fields + torch::kInlineSizes;
  int64_t room = torch::kMaxInlineDimensions;
  if (dimensions > room) {
    room = dimensions;
    sizes = heap.Allocate(static_cast<uint64_t>(2 * room) * sizeof(int64_t));
    heap.PokePointer(fields + torch::kOutOfLineSizes, sizes);
  }
  for (size_t i = 0; i < spec.shape.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    heap.Poke(sizes + at * 8, spec.shape[i]);
    heap.Poke(sizes + (room + at) * 8, spec.strides[i]);
  }
  // Of what does not fit the product is any number.
  const auto product = [](uint64_t all, int64_t size) { return all * static_cast<uint64_t>(size); };
  const uint64_t count = std::accumulate(spec.shape.begin(), spec.shape.end(), uint64_t{1}, product);
  heap.Poke(fields + torch::kItemCount, spec.count == -1 ? static_cast<int64_t>(count) : spec.count);
  heap.Poke(fields + torch::kStorageOffset, spec.first);
  heap.Poke(fields + torch::kScalarType, spec.scalar_type);
  heap.Poke(fields + torch::kKeySet, spec.key_set);
  return object;
}

void RequireGradient(
    TargetHeap& heap, Address tensor, const torch::TensorLayout& layout, bool old_string, uint8_t flag, Address grad) {
  const Address meta = heap.Allocate(256);
  const Address name = meta + torch::kMetaName;
  heap.PokePointer(name, old_string ? heap.Allocate(24) : name + 16);
  const Address fields = name + (old_string ? torch::kOldStringSize : torch::kNewStringSize);
  const auto implementation_of = [&](Address object) {
    return *heap.memory().ReadPointer(object + layout.implementation);
  };
  // Without a gradient it is one that is not defined.
  heap.PokePointer(fields + torch::kGrad, grad.is_null() ? heap.Allocate(192) : implementation_of(grad));
  heap.Poke(fields + layout.requires_grad, flag);
  heap.PokePointer(implementation_of(tensor) + layout.header + torch::kAutogradMeta, meta);
}

}  // namespace pysnap::testing
