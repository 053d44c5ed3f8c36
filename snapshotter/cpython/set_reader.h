// Reads the elements of sets.
#ifndef PYSNAP_CPYTHON_SET_READER_H_
#define PYSNAP_CPYTHON_SET_READER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The hash table of a set or frozenset (Objects/setobject.c).
struct SetTable {
  uint64_t used = 0;  // len()
  uint64_t mask = 0;  // slots - 1
  Address entries;
};

// DataLoss when its parts contradict each other.
absl::StatusOr<SetTable> ReadSetTable(const Runtime& runtime, Memory& memory, Address set);

// Visits the elements from slot `first` on, in the order of an iterator, until there were `wanted` or `visit` says
// false. How many there were.
absl::StatusOr<uint64_t> VisitSet(const Runtime& runtime,
                                  Memory& memory,
                                  const SetTable& table,
                                  uint64_t first,
                                  uint64_t wanted,
                                  absl::FunctionRef<bool(Address element)> visit);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_SET_READER_H_
