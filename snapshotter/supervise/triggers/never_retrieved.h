// Finds the exception that asyncio is about to report as never retrieved.
#ifndef PYSNAP_SUPERVISE_TRIGGERS_NEVER_RETRIEVED_H_
#define PYSNAP_SUPERVISE_TRIGGERS_NEVER_RETRIEVED_H_

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/registers.h"

namespace pysnap {

// For a thread at a TrapPoint::Kind::kNeverRetrieved. NotFound when it is not certain which exception it is.
absl::StatusOr<Address> FindNeverRetrieved(const Runtime& runtime, Memory& memory, const Registers& registers);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_TRIGGERS_NEVER_RETRIEVED_H_
