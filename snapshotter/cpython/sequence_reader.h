// Reads the items of lists and tuples.
#ifndef PYSNAP_CPYTHON_SEQUENCE_READER_H_
#define PYSNAP_CPYTHON_SEQUENCE_READER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Of a list or tuple, not of a class derived from one. DataLoss when it is neither, or says that it has more items than
// a list of the interpreter's own would have.
absl::StatusOr<std::vector<Address>> ReadItems(const Runtime& runtime, Memory& memory, Address list_or_tuple);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_SEQUENCE_READER_H_
