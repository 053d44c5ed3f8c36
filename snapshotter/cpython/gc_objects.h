// The objects that the garbage collector of an interpreter knows.
#ifndef PYSNAP_CPYTHON_GC_OBJECTS_H_
#define PYSNAP_CPYTHON_GC_OBJECTS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Calls `visit` for the objects of all generations and for those that gc.freeze() has put aside, with their types;
// nothing is known of either but that a list leads there. The status says why some may be missing: Aborted while the
// collector is at work, which a moment later it is not; DataLoss when a list is broken, ResourceExhausted when it is
// longer than is looked through.
absl::Status VisitGcObjects(const Runtime& runtime,
                            Memory& memory,
                            Address interpreter,
                            absl::FunctionRef<void(Address object, Address type)> visit);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_GC_OBJECTS_H_
