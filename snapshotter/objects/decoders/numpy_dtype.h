// What a dtype says of the items of an array.
#ifndef PYSNAP_OBJECTS_DECODERS_NUMPY_DTYPE_H_
#define PYSNAP_OBJECTS_DECODERS_NUMPY_DTYPE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/objects/crawl.h"

namespace pysnap::numpy {

struct DType {
  char kind = 0;
  char byte_order = 0;
  int32_t type_number = 0;
  int64_t item_size = 0;
  bool has_objects = false;
  Address scalar_type;
  Address metadata;
  // Null where there is none.
  Address fields;
  Address names;
  Address subarray_dtype;
  Address subarray_shape;
  // Of datetime64 and timedelta64: NPY_DATETIMEUNIT, and how many of it are one.
  bool has_unit = false;
  int32_t unit = 0;
  int32_t step = 0;
};

// DataLoss when it is none, or contradicts itself; Unimplemented for a dtype whose items lie elsewhere (StringDType).
absl::StatusOr<DType> ReadDType(Crawl& crawl, Address dtype);

struct Field {
  Address name;
  Address dtype;
  int64_t offset = 0;  // bytes from where the item begins
};

// Those of a structured dtype, in their order.
absl::StatusOr<std::vector<Field>> ReadFields(Crawl& crawl, const DType& dtype);

// At which bytes of an item there are pointers to objects, in ascending order.
absl::StatusOr<std::vector<int64_t>> ObjectOffsets(Crawl& crawl, Address dtype);

}  // namespace pysnap::numpy

#endif  // PYSNAP_OBJECTS_DECODERS_NUMPY_DTYPE_H_
