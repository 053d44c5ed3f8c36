// Whether what was found is a CPython runtime that the layout fits.
#ifndef PYSNAP_CPYTHON_RUNTIME_CHECK_H_
#define PYSNAP_CPYTHON_RUNTIME_CHECK_H_

#include "absl/status/status.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Follows runtime, main interpreter, its first thread and back, and looks at known types. The process may be running: a
// chain that changes while it is read is read again.
//
// FailedPrecondition when there is no interpreter (yet, or any more); Unimplemented when objects are laid out
// differently; DataLoss when the chain is broken.
absl::Status CheckRuntime(Memory& memory, const Runtime& runtime);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_RUNTIME_CHECK_H_
