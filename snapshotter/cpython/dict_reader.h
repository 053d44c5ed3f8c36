// Reads the entries of dicts and of split attribute values.
#ifndef PYSNAP_CPYTHON_DICT_READER_H_
#define PYSNAP_CPYTHON_DICT_READER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Neither is null. False ends the visit.
using VisitEntry = absl::FunctionRef<bool(Address key, Address value)>;

// len() of the dict, as it says itself. DataLoss when it cannot be.
absl::StatusOr<uint64_t> ReadDictLength(const Runtime& runtime, Memory& memory, Address dict);

// Visits the entries in iteration order. Aborted when their number is not the dict's length: it was caught while it
// changed. DataLoss when its table contradicts itself. What was visited before an error is right.
absl::Status VisitDict(const Runtime& runtime, Memory& memory, Address dict, VisitEntry visit);

// Visits attribute values kept under shared keys, in the order in which they were set.
absl::Status VisitSplitValues(const Runtime& runtime, Memory& memory, Address keys, Address values, VisitEntry visit);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_DICT_READER_H_
