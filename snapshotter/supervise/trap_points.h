// Where CPython passes when an exception is about to be reported as unhandled.
#ifndef PYSNAP_SUPERVISE_TRAP_POINTS_H_
#define PYSNAP_SUPERVISE_TRAP_POINTS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/target.h"

namespace pysnap {

struct TrapPoint {
  enum class Kind {
    // PyErr_Print and PyErr_PrintEx (Python/pythonrun.c), at their first instruction: the exception is the one that
    // propagates. Either may be inlined where the other is called, so both are needed; the first calls the second.
    kPrint,
    kPrintEx,
    // _PyErr_WriteUnraisableMsg (Python/errors.c, to 3.12) and PyErr_FormatUnraisable (3.13 on): exceptions that cannot
    // propagate, among them those that end a thread of _thread.start_new_thread. The first argument is a text that
    // tells.
    kUnraisable,
    // structseq_new (Objects/structseq.c), the constructor of threading.ExceptHookArgs, which is called before any
    // threading.excepthook is (Lib/threading.py, _make_invoke_excepthook). The first argument is the type.
    kStructSequence,
    // thread_excepthook (Modules/_threadmodule.c), which is what threading.excepthook is as long as nobody replaces it.
    kThreadHook,
  };
  Kind kind;
  Address address;
};

// Those that are exported functions of the module that holds CPython. Empty when none is mapped yet.
absl::StatusOr<std::vector<TrapPoint>> FindTrapPoints(Target& target);

// What the module _thread tells about how the end of a thread by an exception is reported.
struct ThreadHook {
  Address arguments_type;  // _thread._ExceptHookArgs
  Address constructor;     // its tp_new
  Address function;        // what _thread._excepthook calls
};
// NotFound before the interpreter is initialized.
absl::StatusOr<ThreadHook> FindThreadHook(const Runtime& runtime, Memory& memory);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_TRAP_POINTS_H_
