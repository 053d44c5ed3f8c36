// Where a version says which thread holds the GIL.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_GIL_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_GIL_H_

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The thread state that holds the GIL of `interpreter`; null when nobody does.
using GilHolder = absl::StatusOr<Address> (*)(const Runtime& runtime, Memory& memory, Address interpreter);

// _PyRuntime.gilstate.tstate_current: one GIL for all interpreters (up to 3.11, Include/internal/pycore_runtime.h).
absl::StatusOr<Address> GilHolderInRuntime(const Runtime& runtime, Memory& memory, Address interpreter);

// interp->ceval.gil: last_holder, which is stale unless locked (3.12+, Include/internal/pycore_gil.h).
absl::StatusOr<Address> GilHolderInInterpreter(const Runtime& runtime, Memory& memory, Address interpreter);

// Where the GIL of `interpreter` is; threads that want it wait within (Python/ceval_gil.c). Of one GIL for all
// interpreters that is in _PyRuntime (up to 3.11), else interp->ceval.gil leads there.
absl::StatusOr<AddressRange> FindGil(const Runtime& runtime, Memory& memory, Address interpreter);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_GIL_H_
