// What a threading.local holds in each thread.
#ifndef PYSNAP_CPYTHON_THREAD_LOCALS_H_
#define PYSNAP_CPYTHON_THREAD_LOCALS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

struct ThreadLocalDict {
  uint64_t thread_ident = 0;  // 0: of none of the threads, or not known
  Address dict;               // its attributes there
};

// Of all threads that have touched `local`, a threading.local or of a class derived from it; DataLoss when it is
// something else. `threads`: those of its interpreter.
absl::StatusOr<std::vector<ThreadLocalDict>> ReadThreadLocals(const Runtime& runtime,
                                                              Memory& memory,
                                                              Address local,
                                                              const std::vector<const PythonThread*>& threads);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_THREAD_LOCALS_H_
