// Which functions Python calls for signals: what signal.getsignal() gives.
#ifndef PYSNAP_CPYTHON_SIGNAL_HANDLERS_H_
#define PYSNAP_CPYTHON_SIGNAL_HANDLERS_H_

#include <array>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Signals are numbered from 1 on.
inline constexpr size_t kSignalCount = 65;

// The address of the table of handlers, an array of {int tripped; PyObject *func} with NSIG items: the static variable
// Handlers of Modules/signalmodule.c up to 3.11, then _PyRuntimeState.signals.handlers (Include/internal/
// pycore_signal.h). No symbol tells of it in a stripped interpreter, so that it is looked for by its form: no other
// array has no function for 0, one for each number from 1 on, and the int 0 (SIG_DFL) for the two signals that nobody
// can catch.
//
// NotFound when the interpreter has not filled it yet, or its writable segments are not known; DataLoss when there is
// more than one.
absl::StatusOr<Address> FindSignalTable(const Runtime& runtime, Memory& memory);

// By the signal's number the function that Python calls for it; null: none, whether it is ignored, left to the kernel,
// or handled by code that is not Python's.
absl::StatusOr<std::array<Address, kSignalCount>> ReadSignalTable(const Runtime& runtime,
                                                                  Memory& memory,
                                                                  Address table);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_SIGNAL_HANDLERS_H_
