// torch.Tensor, and torch's names of dtypes, layouts and devices.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/numeric/bits.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "snapshotter/objects/absent.h"
#include "snapshotter/objects/decoders/decoders.h"
#include "snapshotter/objects/decoders/torch_layout.h"

namespace pysnap {
namespace {

using torch::ScalarType;
using torch::TensorLayout;

constexpr uint64_t kOwnedBit = 1;

// What makes a Python object a tensor, and the struct that it stands for.
struct Implementation {
  const TensorLayout* layout = nullptr;
  Address address;
  // Where the fields that come after the Python object are counted from.
  Address fields() const { return address + layout->python_object; }
};

absl::StatusOr<Implementation> FindImplementation(Crawl& crawl, Address object, const TypeInfo& type) {
  Memory& memory = crawl.memory();
  const int64_t size = type.decoded_as->shape.basic_size;
  for (const TensorLayout& layout : torch::kTensorLayouts) {
    if (layout.python_size != size) continue;
    const absl::StatusOr<Address> address = memory.ReadPointer(object + layout.implementation);
    if (!address.ok() || address->is_null()) continue;
    const absl::StatusOr<uint64_t> back = memory.ReadValue<uint64_t>(*address + layout.python_object);
    if (back.ok() && (*back & ~kOwnedBit) == object.value()) return Implementation{&layout, *address};
  }
  return absl::UnimplementedError("a tensor of a release of torch that is not known");
}

std::string DeviceText(int8_t type, int8_t index) {
  const auto number = static_cast<size_t>(type);
  const bool known = type >= 0 && number < std::size(torch::kDeviceTypes) && torch::kDeviceTypes[number] != nullptr;
  const std::string name = known ? torch::kDeviceTypes[number] : absl::StrCat("device type ", type);
  return index < 0 ? name : absl::StrCat(name, ":", index);
}

// What the items lie in. `data` is null where nothing was allocated.
struct Storage {
  Address address;
  Address data;
  int64_t size = 0;
  int8_t device_type = 0;
  int8_t device_index = 0;
};

absl::StatusOr<Storage> ReadStorage(Memory& memory, const Implementation& tensor) {
  Storage storage;
  const Offset header = tensor.layout->header;
  ASSIGN_OR_RETURN(storage.address, memory.ReadPointer(tensor.address + header + torch::kStorage));
  if (storage.address.is_null()) return absl::UnimplementedError("a tensor whose items lie in no storage");
  const Address fields = storage.address + header;
  ASSIGN_OR_RETURN(storage.data, memory.ReadPointer(fields + torch::kStorageData));
  ASSIGN_OR_RETURN(storage.device_type, memory.ReadValue<int8_t>(fields + torch::kStorageDeviceType));
  ASSIGN_OR_RETURN(storage.device_index, memory.ReadValue<int8_t>(fields + torch::kStorageDeviceIndex));
  ASSIGN_OR_RETURN(storage.size, memory.ReadValue<int64_t>(fields + torch::kStorageSize));
  return storage;
}

struct Extent {
  const ScalarType* item = nullptr;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // bytes
  int64_t offset = 0;            // bytes, from the beginning of the storage
  int64_t end = 0;               // the same, behind the last item; 0 where there are none
};

absl::Status ReadSizes(Memory& memory, const Implementation& tensor, Extent& extent) {
  const Address fields = tensor.fields();
  ASSIGN_OR_RETURN(const int64_t dimensions, memory.ReadValue<int64_t>(fields + torch::kDimensionCount));
  if (dimensions < 0 || dimensions > torch::kMaxDimensions) {
    return absl::DataLossError(absl::StrFormat("a tensor of %d dimensions", dimensions));
  }
  Address sizes = fields + torch::kInlineSizes;
  int64_t room = torch::kMaxInlineDimensions;
  if (dimensions > torch::kMaxInlineDimensions) {
    ASSIGN_OR_RETURN(sizes, memory.ReadPointer(fields + torch::kOutOfLineSizes));
    room = dimensions;
  }
  if (dimensions == 0) return absl::OkStatus();
  const auto count = static_cast<size_t>(dimensions);
  RETURN_IF_ERROR(memory.ReadArray(sizes, count, extent.shape));
  return memory.ReadArray(sizes + room * static_cast<int64_t>(sizeof(int64_t)), count, extent.strides);
}

absl::StatusOr<Extent> ReadExtent(Memory& memory, const Implementation& tensor) {
  constexpr int64_t kMaxItems = int64_t{1} << 46;
  Extent extent;
  const Address fields = tensor.fields();
  RETURN_IF_ERROR(ReadSizes(memory, tensor, extent));
  ASSIGN_OR_RETURN(const uint16_t number, memory.ReadValue<uint16_t>(fields + torch::kScalarType));
  const auto item = std::find_if(std::begin(torch::kScalarTypes), std::end(torch::kScalarTypes),
                                 [&](const ScalarType& each) { return each.number == number; });
  if (item == std::end(torch::kScalarTypes)) {
    return absl::UnimplementedError(absl::StrFormat("a tensor of scalar type %d", number));
  }
  extent.item = item;
  ASSIGN_OR_RETURN(const int64_t first, memory.ReadValue<int64_t>(fields + torch::kStorageOffset));
  ASSIGN_OR_RETURN(const int64_t count, memory.ReadValue<int64_t>(fields + torch::kItemCount));
  if (first < 0 || first > kMaxItems) return absl::DataLossError("a tensor that begins outside of its storage");
  int64_t product = 1;
  __int128 last = first;
  for (size_t i = 0; i < extent.shape.size(); ++i) {
    const int64_t size = extent.shape[i];
    int64_t& stride = extent.strides[i];
    if (size < 0 || stride < 0 || stride > kMaxItems || __builtin_mul_overflow(product, size, &product)) {
      return absl::DataLossError(absl::StrFormat("a tensor with %d items in a dimension, %d apart", size, stride));
    }
    last += static_cast<__int128>(size - 1) * stride;
    stride *= item->size;
  }
  // It is kept beside the sizes.
  if (product != count) return absl::DataLossError(absl::StrFormat("%d items in a tensor of %d", count, product));
  if (count != 0 && last > kMaxItems) return absl::DataLossError("a tensor larger than memory");
  extent.offset = first * item->size;
  if (count != 0) extent.end = (static_cast<int64_t>(last) + 1) * item->size;
  return extent;
}

// Whether the items are what lies in memory: not when they have still to be conjugated or negated, and not where they
// lie elsewhere or otherwise. A plain tensor is one of the CPU, the lowest bit; it is Dense, which to 1.11 the CPU's
// bit alone says; it has AutocastCPU and, unless it was made in inference mode, ADInplaceOrView and the CPU's autograd.
// Which bits these are differs from release to release, but not how far apart the last three are, and no others are as
// far (c10/core/DispatchKey.h).
bool HasPlainItems(uint64_t key_set) {
  constexpr int kFirstDense = 13;
  constexpr int kLastDense = 16;
  constexpr int kFirstAutocast = 39;
  constexpr uint64_t kAutograd = 0b101;
  constexpr uint64_t kAutogradAndAutocast[] = {kAutograd | 1 << 5, kAutograd | 1 << 14};
  if ((key_set & 1) == 0) return false;
  uint64_t rest = key_set & ~uint64_t{1};
  if (rest != 0 && absl::countr_zero(rest) >= kFirstDense && absl::countr_zero(rest) <= kLastDense) rest &= rest - 1;
  if (rest == 0) return true;
  const int lowest = absl::countr_zero(rest);
  const uint64_t bits = rest >> lowest;
  if (bits == 1) return lowest >= kFirstAutocast;
  return lowest > kLastDense &&
         (bits == kAutograd || bits == kAutogradAndAutocast[0] || bits == kAutogradAndAutocast[1]);
}

// Where AutogradMeta has `grad_`: behind a std::string, which either points to a place in itself or has a length and a
// capacity behind the pointer, or else is nothing but a pointer.
absl::StatusOr<Address> FindGrad(Memory& memory, Address meta) {
  constexpr uint64_t kRoomInside = 15;
  constexpr uint64_t kMaxName = 1 << 20;
  const Address name = meta + torch::kMetaName;
  ASSIGN_OR_RETURN(const Address text, memory.ReadPointer(name));
  ASSIGN_OR_RETURN(const uint64_t length, memory.ReadValue<uint64_t>(name + 8));
  ASSIGN_OR_RETURN(const uint64_t capacity, memory.ReadValue<uint64_t>(name + 16));
  const bool inside = text == name + 16 && length <= kRoomInside;
  const bool outside = length > kRoomInside && length <= capacity && capacity < kMaxName;
  return name + (inside || outside ? torch::kNewStringSize : torch::kOldStringSize);
}

// The contents of the storage with the first of the tensors that share it; of the others who that is. `object` is null
// for a tensor that is no object of Python.
absl::Status AddStorage(
    Crawl& crawl, Address object, const Storage& storage, const Extent& extent, proto::Object& out) {
  if (extent.end == 0) return AddMemoryPart(crawl, "data", storage.data, 0, 1, out);
  if (storage.size < extent.end) return absl::DataLossError("a tensor with items behind the end of its storage");
  if (storage.data.is_null()) return absl::UnimplementedError("a tensor whose storage is not allocated");
  Address& holder = crawl.HolderOf(storage.address);
  if (holder.is_null()) holder = object;
  if (!holder.is_null() && holder != object) {
    AddObjectPart(crawl, "base", holder, out);
    return absl::OkStatus();
  }
  return AddMemoryPart(crawl, "data", storage.data, static_cast<uint64_t>(storage.size), 1, out);
}

// Everything but the gradient.
absl::Status AddItems(Crawl& crawl, Address object, const Implementation& tensor, proto::Object& out) {
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const Extent extent, ReadExtent(memory, tensor));
  AddBytesPart(crawl, "dtype", extent.item->name, out);
  AddBytesPart(crawl, "kind", absl::string_view(&extent.item->kind, 1), out);
  AddIntPart(crawl, "itemsize", extent.item->size, out);
  AddSizesPart(crawl, "shape", extent.shape, out);
  AddSizesPart(crawl, "strides", extent.strides, out);
  AddIntPart(crawl, "offset", extent.offset, out);
  if (!crawl.touch_only() && !extent.shape.empty()) out.set_length(static_cast<uint64_t>(extent.shape[0]));
  ASSIGN_OR_RETURN(const Storage storage, ReadStorage(memory, tensor));
  const std::string device = DeviceText(storage.device_type, storage.device_index);
  AddBytesPart(crawl, "device", device, out);
  if (storage.device_type != 0) {
    return absl::UnimplementedError(absl::StrCat("its items are in the memory of ", device));
  }
  ASSIGN_OR_RETURN(const uint64_t key_set, memory.ReadValue<uint64_t>(tensor.fields() + torch::kKeySet));
  if (!HasPlainItems(key_set)) {
    return absl::UnimplementedError("a tensor whose items are not those that lie in memory");
  }
  return AddStorage(crawl, object, storage, extent, out);
}

// What is known of how the tensor is differentiated.
struct Autograd {
  bool requires_grad = false;
  // The gradient; its implementation is null where there is none.
  Implementation grad;
  Address grad_object;  // null: it is no object of Python yet
};

absl::StatusOr<Autograd> ReadAutograd(Memory& memory, const Implementation& tensor) {
  Autograd found;
  const TensorLayout& layout = *tensor.layout;
  ASSIGN_OR_RETURN(const Address meta, memory.ReadPointer(tensor.address + layout.header + torch::kAutogradMeta));
  if (meta.is_null()) return found;
  ASSIGN_OR_RETURN(const Address fields, FindGrad(memory, meta));
  ASSIGN_OR_RETURN(const Address grad, memory.ReadPointer(fields + torch::kGrad));
  ASSIGN_OR_RETURN(const Address function, memory.ReadPointer(fields + torch::kGradFunction));
  ASSIGN_OR_RETURN(const uint8_t flag, memory.ReadValue<uint8_t>(fields + layout.requires_grad));
  if (flag > 1) return absl::DataLossError("whether a gradient is required is neither yes nor no");
  found.requires_grad = flag != 0 || !function.is_null();
  // What stands for one that is not defined is a tensor with no functionality at all
  // (c10/core/UndefinedTensorImpl.cpp).
  ASSIGN_OR_RETURN(const uint64_t key_set, memory.ReadValue<uint64_t>(grad + layout.python_object + torch::kKeySet));
  if ((key_set & torch::kBackendsAndKinds) == 0) return found;
  ASSIGN_OR_RETURN(const uint64_t object, memory.ReadValue<uint64_t>(grad + layout.python_object));
  found.grad = {&layout, grad};
  found.grad_object = Address(object & ~kOwnedBit);
  return found;
}

// torch.Tensor itself, the class of Python's that all others of tensors extend.
Address TensorClass(const TypeInfo& type) {
  const TypeInfo* found = &type;
  while (found->base != nullptr && found->base->heap) found = found->base;
  return found->address;
}

// Parts: `requires_grad`; `grad`, where there is one.
absl::Status AddGradient(Crawl& crawl, const TypeInfo& type, const Implementation& tensor, proto::Object& out) {
  ASSIGN_OR_RETURN(const Autograd found, ReadAutograd(crawl.memory(), tensor));
  AddIntPart(crawl, "requires_grad", found.requires_grad ? 1 : 0, out);
  if (!found.grad_object.is_null()) {
    AddObjectPart(crawl, "grad", found.grad_object, out);
  } else if (!found.grad.address.is_null()) {
    // The program gets an object when it asks for it.
    proto::Object grad;
    grad.mutable_parts();
    absl::Status problem = AddItems(crawl, Address(), found.grad, grad);
    const absl::StatusOr<Autograd> its_own = ReadAutograd(crawl.memory(), found.grad);
    if (its_own.ok() && its_own->grad.address.is_null()) {
      AddIntPart(crawl, "requires_grad", its_own->requires_grad ? 1 : 0, grad);
    } else if (problem.ok()) {
      problem = its_own.ok() ? absl::UnimplementedError("a gradient that has a gradient") : its_own.status();
    }
    if (!problem.ok()) SetAbsent(problem, *grad.mutable_absent());
    AddIdPart(crawl, "grad", crawl.RefMade(TensorClass(type), std::move(grad)), out);
  }
  return absl::OkStatus();
}

}  // namespace

// Parts: `dtype` (its name), `kind` and `itemsize` as numpy has them; `device`; `shape` and, in bytes, `strides` (int64
// each) and `offset`, from the beginning of the storage; `data`, the whole storage, or `base`, the tensor that has it;
// `requires_grad`, `grad`.
absl::Status DecodeTorchTensor(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  out.mutable_parts();
  ASSIGN_OR_RETURN(const Implementation tensor, FindImplementation(crawl, object, type));
  const absl::Status gradient = AddGradient(crawl, type, tensor, out);
  if (!gradient.ok()) AddAbsentPart(crawl, "requires_grad", gradient, out);
  return AddItems(crawl, object, tensor, out);
}

// Parts: `name`.
absl::Status DecodeTorchName(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  out.mutable_parts();
  std::string name;
  RETURN_IF_ERROR(crawl.memory().ReadArray(object + torch::kName, torch::kNameSize, name));
  const size_t end = name.find('\0');
  if (end == std::string::npos) return absl::DataLossError("a name without an end");
  name.resize(end);
  // That of a layout or a memory format has the module before it.
  AddBytesPart(crawl, "name", absl::StripPrefix(name, "torch."), out);
  return absl::OkStatus();
}

// Parts: `type`; `index`, if it has one.
absl::Status DecodeTorchDevice(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  out.mutable_parts();
  ASSIGN_OR_RETURN(const int8_t type, crawl.memory().ReadValue<int8_t>(object + torch::kDeviceType));
  ASSIGN_OR_RETURN(const int8_t index, crawl.memory().ReadValue<int8_t>(object + torch::kDeviceIndex));
  AddBytesPart(crawl, "type", DeviceText(type, -1), out);
  if (index >= 0) AddIntPart(crawl, "index", index, out);
  return absl::OkStatus();
}

}  // namespace pysnap
