// Where torch's structs have what a tensor is made of: offsets that the compiler gives for the headers of each release
// from 1.10 to 2.15 (torch/csrc/autograd/python_variable.h, variable.h; c10/core/TensorImpl.h, StorageImpl.h,
// impl/SizesAndStrides.h, DispatchKeySet.h).
#ifndef PYSNAP_OBJECTS_DECODERS_TORCH_LAYOUT_H_
#define PYSNAP_OBJECTS_DECODERS_TORCH_LAYOUT_H_

#include <cstdint>

#include "snapshotter/cpython/layout.h"

namespace pysnap::torch {

struct TensorLayout {
  int64_t python_size;    // of the Python object (THPVariable)
  Offset implementation;  // in it: the TensorImpl
  // How long what a TensorImpl and a StorageImpl begin with is (c10::intrusive_ptr_target).
  Offset header;
  // In the TensorImpl: the Python object, which tells the layouts apart. Its lowest bit says who owns whom.
  Offset python_object;
  // From AutogradMeta::grad_ on.
  Offset requires_grad;
};
constexpr TensorLayout kTensorLayouts[] = {
    {40, 24, 24, 64, 96},   // 1.10 to 2.0
    {48, 24, 24, 64, 104},  // 2.1, 2.2
    {48, 24, 16, 56, 104},  // 2.3 to 2.9
    {40, 16, 16, 56, 104},  // 2.10 to 2.12
    {40, 16, 16, 48, 88},   // 2.13 on
};

// TensorImpl, behind the header.
constexpr Offset kStorage = 0;
constexpr Offset kAutogradMeta = 8;
// The same, behind the Python object: sizes and strides, in the struct where they are few (c10::SizesAndStrides).
constexpr Offset kDimensionCount = 8;
constexpr Offset kInlineSizes = 16;
constexpr Offset kOutOfLineSizes = 16;  // a pointer to both, one behind the other
constexpr int64_t kMaxInlineDimensions = 5;
constexpr Offset kStorageOffset = 96;  // in items
constexpr Offset kItemCount = 104;
constexpr Offset kScalarType = 112;  // uint16
constexpr Offset kKeySet = 120;
constexpr int64_t kMaxDimensions = 64;
// Of the key set: of which backend, and whether dense, sparse, quantized or another.
constexpr uint64_t kBackendsAndKinds = (uint64_t{1} << 25) - 1;

// StorageImpl, behind the header.
constexpr Offset kStorageData = 0;
constexpr Offset kStorageDeviceType = 24;   // int8
constexpr Offset kStorageDeviceIndex = 25;  // int8; -1: none
constexpr Offset kStorageSize = 32;         // bytes; negative: not a number, but known by a symbol

// AutogradMeta: a std::string, of one ABI or the other, and then from `grad_` on.
constexpr Offset kMetaName = 8;
constexpr Offset kOldStringSize = 8;
constexpr Offset kNewStringSize = 32;
constexpr Offset kGrad = 0;
constexpr Offset kGradFunction = 8;

// THPDtype, THPLayout, THPMemoryFormat: the name behind an enum of one byte.
constexpr Offset kName = 17;
constexpr int64_t kNameSize = 65;
// THPDevice.
constexpr Offset kDeviceType = 16;   // int8
constexpr Offset kDeviceIndex = 17;  // int8

// c10::ScalarType. `kind`: as numpy has it, 'V' where it has none.
struct ScalarType {
  int number;
  const char* name;
  char kind;
  int64_t size;
};
constexpr ScalarType kScalarTypes[] = {
    {0, "uint8", 'u', 1},
    {1, "int8", 'i', 1},
    {2, "int16", 'i', 2},
    {3, "int32", 'i', 4},
    {4, "int64", 'i', 8},
    {5, "float16", 'f', 2},
    {6, "float32", 'f', 4},
    {7, "float64", 'f', 8},
    {8, "complex32", 'V', 4},
    {9, "complex64", 'c', 8},
    {10, "complex128", 'c', 16},
    {11, "bool", 'b', 1},
    {15, "bfloat16", 'V', 2},
    {23, "float8_e5m2", 'V', 1},
    {24, "float8_e4m3fn", 'V', 1},
    {25, "float8_e5m2fnuz", 'V', 1},
    {26, "float8_e4m3fnuz", 'V', 1},
    {27, "uint16", 'u', 2},
    {28, "uint32", 'u', 4},
    {29, "uint64", 'u', 8},
    {44, "float8_e8m0fnu", 'V', 1},
    {45, "float4_e2m1fn_x2", 'V', 1},
};

// c10::DeviceType, by number.
constexpr const char* kDeviceTypes[] = {"cpu",  "cuda",  "mkldnn", "opengl", "opencl", "ideep", "hip",
                                        "fpga", nullptr, "xla",    "vulkan", "metal",  "xpu",   "mps",
                                        "meta", "hpu",   "ve",     "lazy",   "ipu",    "mtia"};

}  // namespace pysnap::torch

#endif  // PYSNAP_OBJECTS_DECODERS_TORCH_LAYOUT_H_
