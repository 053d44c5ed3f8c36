#include "snapshotter/cpython/behaviours/gil.h"

namespace pysnap {

absl::StatusOr<Address> GilHolderInRuntime(const Runtime& runtime, Memory& memory, Address interpreter) {
  (void)interpreter;
  return memory.ReadPointer(runtime.py_runtime + runtime.layout._PyRuntimeState.gilstate_tstate_current);
}

absl::StatusOr<Address> GilHolderInInterpreter(const Runtime& runtime, Memory& memory, Address interpreter) {
  const auto& layout = runtime.layout._gil_runtime_state;
  ASSIGN_OR_RETURN(const Address gil, memory.ReadPointer(interpreter + runtime.layout.PyInterpreterState.ceval_gil));
  if (gil.is_null()) return Address();
  ASSIGN_OR_RETURN(const int32_t locked, memory.ReadValue<int32_t>(gil + layout.locked));
  // -1: the GIL has not been created.
  if (locked != 1) return Address();
  return memory.ReadPointer(gil + layout.last_holder);
}

}  // namespace pysnap
