// Where CPython passes when an exception is about to be reported as unhandled, or when it ends.
#ifndef PYSNAP_SUPERVISE_TRAP_POINTS_H_
#define PYSNAP_SUPERVISE_TRAP_POINTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/mapped_modules.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/elf_image.h"
#include "snapshotter/process/target.h"

namespace pysnap {

struct TrapPoint {
  enum class Kind {
    // The program's entry point, and what the dynamic loader calls (loader.h): no exception passes here.
    kEntry,
    kLoader,
    // PyImport_ImportModule (Python/import.c), which the initialization of _asyncio calls for "asyncio.events" and more
    // (module_init, Modules/_asynciomodule.c). The first argument is the name.
    kImport,
    // PyErr_Print and PyErr_PrintEx (Python/pythonrun.c), or a function that both go on to: the exception is the one
    // that propagates.
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
    // Within FutureObj_finalize (Modules/_asynciomodule.c), where a task or future whose exception nobody has asked for
    // is about to be reported.
    kNeverRetrieved,
    // Py_FinalizeEx (Python/pylifecycle.c), at its first instruction: the interpreter is whole, and threads may run.
    kFinalize,
  };
  Kind kind;
  Address address;
};

// "asyncio's exceptions that were never retrieved", for messages.
const char* PurposeOf(TrapPoint::Kind kind);

// Finds them, and remembers of the files it has looked into what takes a search.
class TrapFinder {
 public:
  // Those in the module that holds CPython. Empty when none is mapped yet.
  //
  // Any link-time optimization may inline PyErr_PrintEx in PyErr_Print, or either where it is called, so both are
  // there, unless it can be proven that one point is passed by whatever passes either of them.
  absl::StatusOr<std::vector<TrapPoint>> Find(Target& target);

  // kNeverRetrieved in the extension module _asyncio. Nothing when that is not mapped; NotFound, with the reason, when
  // it has no place that is certainly the one. Where _asyncio is built in, Find has it.
  absl::StatusOr<std::optional<TrapPoint>> FindAsyncio(Target& target);

  // Whether a file of this name is the extension module.
  static bool IsAsyncio(absl::string_view path);

 private:
  // In addresses of the image.
  absl::StatusOr<uint64_t> FindNeverRetrieved(const ElfImage& image, const MappedModule& module);

  // By device and inode.
  std::map<std::pair<uint64_t, uint64_t>, absl::StatusOr<uint64_t>> never_retrieved_;
};

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
