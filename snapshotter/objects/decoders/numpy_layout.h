// Where numpy's structs have their fields, from its headers (numpy/_core/include/numpy/ndarraytypes.h, arrayscalars.h;
// numpy/core/ to 1.26): the same from 1.16 on, but for the dtype, which became another one with 2.0.
#ifndef PYSNAP_OBJECTS_DECODERS_NUMPY_LAYOUT_H_
#define PYSNAP_OBJECTS_DECODERS_NUMPY_LAYOUT_H_

#include <cstdint>

#include "snapshotter/cpython/layout.h"

namespace pysnap::numpy {

// PyArrayObject_fields.
struct ArrayLayout {
  static constexpr Offset kData = 16;
  static constexpr Offset kDimensionCount = 24;  // int
  static constexpr Offset kDimensions = 32;
  static constexpr Offset kStrides = 40;
  static constexpr Offset kBase = 48;
  static constexpr Offset kDescr = 56;
  static constexpr Offset kFlags = 64;  // int
};
constexpr int kMaxDimensions = 64;  // NPY_MAXDIMS; 32 to 1.26

// PyArray_Descr; the first ones are the same in both.
struct DescrLayout {
  static constexpr Offset kScalarType = 16;
  static constexpr Offset kKind = 24;        // char
  static constexpr Offset kType = 25;        // char
  static constexpr Offset kByteOrder = 26;   // char
  static constexpr Offset kTypeNumber = 28;  // int

  int64_t basic_size;  // of numpy.dtype
  Offset flags;
  int flags_size;
  Offset element_size;
  int element_size_size;
  Offset metadata;
  // Of the structs that extend it from 2.0 on (_PyArray_LegacyDescr).
  Offset subarray;
  Offset fields;
  Offset names;
  Offset c_metadata;
  int64_t legacy_size;
};
constexpr DescrLayout kDescrLayouts[] = {
    // to 1.26: `flags` is a char, `elsize` an int.
    {96, 27, 1, 32, 4, 72, 40, 48, 56, 80, 96},
    // 2.0 on.
    {88, 32, 8, 40, 8, 56, 88, 96, 104, 112, 120},
};

// PyArray_ArrayDescr: what an item that is an array itself is made of.
constexpr Offset kSubarrayBase = 0;
constexpr Offset kSubarrayShape = 8;

// PyArray_DatetimeDTypeMetaData, behind its NpyAuxData: the unit (NPY_DATETIMEUNIT) and how many of it.
constexpr Offset kDatetimeUnit = 32;
constexpr Offset kDatetimeStep = 36;

// The value of a scalar, and behind that of a datetime64 or timedelta64 the same two.
constexpr Offset kScalarValue = 16;
constexpr Offset kScalarUnit = 24;
constexpr Offset kScalarStep = 28;
// PyVoidScalarObject.
constexpr Offset kVoidValue = 24;
constexpr Offset kVoidDescr = 32;

// NPY_ITEM_REFCOUNT: items hold references to objects.
constexpr uint64_t kItemHasObjects = 1;

// NPY_TYPES. `size` of an item, 0 where the dtype says it.
struct ElementType {
  char kind;
  int64_t size;
};
constexpr ElementType kElementTypes[] = {
    {'b', 1},  {'i', 1}, {'u', 1}, {'i', 2}, {'u', 2}, {'i', 4},  {'u', 4}, {'i', 8},
    {'u', 8},  {'i', 8}, {'u', 8}, {'f', 4}, {'f', 8}, {'f', 16}, {'c', 8}, {'c', 16},
    {'c', 32}, {'O', 8}, {'S', 0}, {'U', 0}, {'V', 0}, {'M', 8},  {'m', 8}, {'f', 2},
};
constexpr int kObjectType = 17;
constexpr int kVoidType = 20;
constexpr int kDatetimeType = 21;
constexpr int kTimedeltaType = 22;

}  // namespace pysnap::numpy

#endif  // PYSNAP_OBJECTS_DECODERS_NUMPY_LAYOUT_H_
