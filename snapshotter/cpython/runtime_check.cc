#include "snapshotter/cpython/runtime_check.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Threads come and go while a running process is looked at.
constexpr int kAttempts = 20;
constexpr size_t kMaxInterpreters = 10000;

absl::Status NotUp(absl::string_view lacking) {
  return absl::FailedPreconditionError(absl::StrCat("its CPython has ", lacking, " (it starts, or has ended)"));
}

// The interpreter whose id is 0, which lives as long as the runtime. The list has the newest first.
absl::StatusOr<Address> MainInterpreter(Memory& memory, const Runtime& runtime) {
  const Layout& layout = runtime.layout;
  ASSIGN_OR_RETURN(Address interpreter,
                   memory.ReadPointer(runtime.py_runtime + layout._PyRuntimeState.interpreters_head));
  for (size_t i = 0; i < kMaxInterpreters && !interpreter.is_null(); ++i) {
    ASSIGN_OR_RETURN(const int64_t id, memory.ReadValue<int64_t>(interpreter + layout.PyInterpreterState.id));
    if (id == 0) return interpreter;
    ASSIGN_OR_RETURN(interpreter, memory.ReadPointer(interpreter + layout.PyInterpreterState.next));
  }
  return NotUp("no interpreter");
}

// In 3.11 interpreters and threads are linked before their fields are set (PyInterpreterState_New, new_threadstate,
// Python/pystate.c).
absl::Status CheckChain(Memory& memory, const Runtime& runtime) {
  const Layout& layout = runtime.layout;
  ASSIGN_OR_RETURN(const Address interpreter, MainInterpreter(memory, runtime));
  if (layout.PyInterpreterState.runtime != kNoOffset) {
    ASSIGN_OR_RETURN(const Address back, memory.ReadPointer(interpreter + layout.PyInterpreterState.runtime));
    if (back.is_null()) return NotUp("no interpreter");
    if (back != runtime.py_runtime) return absl::DataLossError("its main interpreter is not of its runtime");
  }
  ASSIGN_OR_RETURN(const Address thread, memory.ReadPointer(interpreter + layout.PyInterpreterState.threads_head));
  if (thread.is_null()) return NotUp("no threads");
  ASSIGN_OR_RETURN(const Address of, memory.ReadPointer(thread + layout.PyThreadState.interp));
  if (of.is_null()) return NotUp("no threads");
  if (of != interpreter) return absl::DataLossError("its first thread is not of its main interpreter");
  return absl::OkStatus();
}

absl::Status CheckType(Memory& memory, const Runtime& runtime, absl::string_view symbol, absl::string_view name) {
  const Address type = runtime.Symbol(symbol);
  // Objects are told apart by the addresses of their types.
  if (type.is_null()) {
    return absl::UnimplementedError(
        absl::StrCat("CPython ", FormatVersion(runtime.hex_version), " without exported symbols is not supported"));
  }
  const Layout& layout = runtime.layout;
  const std::string differs =
      absl::StrCat("CPython ", FormatVersion(runtime.hex_version), " with another layout of objects is not supported");
  ASSIGN_OR_RETURN(const Address type_of_type, memory.ReadPointer(type + layout.PyObject.ob_type));
  if (const Address expected = runtime.Symbol("PyType_Type"); !expected.is_null() && type_of_type != expected) {
    return absl::UnimplementedError(differs);
  }
  ASSIGN_OR_RETURN(const Address name_at, memory.ReadPointer(type + layout.PyTypeObject.tp_name));
  const absl::StatusOr<std::string> found = memory.ReadCString(name_at, name.size() + 1);
  if (!found.ok() || *found != name) return absl::UnimplementedError(differs);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRuntime(Memory& memory, const Runtime& runtime) {
  absl::Status chain;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    chain = CheckChain(memory, runtime);
    if (chain.ok()) break;
  }
  RETURN_IF_ERROR(chain);
  RETURN_IF_ERROR(CheckType(memory, runtime, "PyType_Type", "type"));
  return CheckType(memory, runtime, "PyLong_Type", "int");
}

}  // namespace pysnap
