// Finds CPython in a process, and which one it is, without stopping the process or running anything of it.
#ifndef PYSNAP_CPYTHON_RUNTIME_LOCATOR_H_
#define PYSNAP_CPYTHON_RUNTIME_LOCATOR_H_

#include "absl/status/statusor.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// Looks for _PyRuntime in the executable, in libpython and in everything else that is mapped: by the exported symbol,
// by the section .PyRuntime, by the static symbol table, and at last (3.13 on) by its first bytes in memory. What was
// found is believed only when runtime, interpreter and thread refer to each other and known types are where they should
// be.
//
// The error is a sentence for the user: NotFound when the process has no CPython in it; FailedPrecondition when it has
// one that is starting or has ended; Unimplemented, naming the build and what is supported, when there is no table for
// it (other versions, free-threaded, Py_TRACE_REFS, modified); DataLoss when its memory contradicts itself.
absl::StatusOr<Runtime> LocateRuntime(Target& target);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_RUNTIME_LOCATOR_H_
