// Which class extends which.
#ifndef PYSNAP_CPYTHON_SUBTYPE_H_
#define PYSNAP_CPYTHON_SUBTYPE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The tp_mro of the class at `type`: itself first; nothing before it was made ready.
absl::StatusOr<std::vector<Address>> ReadMro(const Runtime& runtime, Memory& memory, Address type);

// Whether the class at `type` is `base` or has it in its tp_mro (PyType_IsSubtype, Objects/typeobject.c, which also
// asks nobody).
absl::StatusOr<bool> IsSubtype(const Runtime& runtime, Memory& memory, Address type, Address base);

// The same for the class of `object`.
absl::StatusOr<bool> IsInstance(const Runtime& runtime, Memory& memory, Address object, Address base);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_SUBTYPE_H_
