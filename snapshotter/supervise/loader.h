// Where a program passes when the dynamic loader has loaded something.
#ifndef PYSNAP_SUPERVISE_LOADER_H_
#define PYSNAP_SUPERVISE_LOADER_H_

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/process/live_target.h"

namespace pysnap {

// The program's first instruction (AT_ENTRY): the libraries that it needs are in place by then.
absl::StatusOr<Address> FindEntryPoint(const LiveTarget& target);

// The function that the loader calls before and after each change (r_debug.r_brk), for libraries that are loaded later.
// NotFound for a program without a dynamic loader, or before it has run.
absl::StatusOr<Address> FindLoaderBreakpoint(LiveTarget& target);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_LOADER_H_
