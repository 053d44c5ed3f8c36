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

absl::StatusOr<AddressRange> FindGil(const Runtime& runtime, Memory& memory, Address interpreter) {
  const Layout& layout = runtime.layout;
  const auto size = static_cast<uint64_t>(layout._gil_runtime_state.size_);
  if (const Offset field = layout._PyRuntimeState.ceval_gil; field != kNoOffset) {
    return AddressRange{runtime.py_runtime + field, size};
  }
  ASSIGN_OR_RETURN(const Address gil, memory.ReadPointer(interpreter + layout.PyInterpreterState.ceval_gil));
  return AddressRange{gil, gil.is_null() ? 0 : size};
}

}  // namespace pysnap
