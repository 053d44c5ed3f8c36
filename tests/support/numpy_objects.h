// Arrays of numpy on a TargetHeap.
#ifndef PYSNAP_TESTS_SUPPORT_NUMPY_OBJECTS_H_
#define PYSNAP_TESTS_SUPPORT_NUMPY_OBJECTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/target_heap.h"

namespace pysnap::testing {

// Before 2.0 and since.
enum class NumpyVersion { k1, k2 };

struct DTypeSpec {
  char kind = 'i';
  int32_t number = 7;
  int64_t item_size = 8;
  uint64_t flags = 0;
  // Name, dtype and offset.
  struct Field {
    const char* name;
    Address dtype;
    int64_t offset;
  };
  std::vector<Field> fields = {};
};

Address NumpyDType(TargetHeap& heap, NumpyVersion version, const DTypeSpec& spec);
Address NumpyArray(TargetHeap& heap,
                   Address dtype,
                   Address data,
                   const std::vector<int64_t>& shape,
                   const std::vector<int64_t>& strides,
                   Address base = Address());

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_NUMPY_OBJECTS_H_
