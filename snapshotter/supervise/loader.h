// Where a program passes when the dynamic loader has loaded something.
#ifndef PYSNAP_SUPERVISE_LOADER_H_
#define PYSNAP_SUPERVISE_LOADER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/live_target.h"

namespace pysnap {

// The program's first instruction (AT_ENTRY): the libraries that it needs are in place by then.
absl::StatusOr<Address> FindEntryPoint(const LiveTarget& target);

struct LoaderHook {
  // The function that the loader calls before and after each change (r_debug.r_brk), for libraries that are loaded
  // later.
  Address function;
  // What it tells of them (r_debug).
  Address debug;
};
// NotFound for a program without a dynamic loader, or before it has run.
absl::StatusOr<LoaderHook> FindLoaderHook(LiveTarget& target);

// What has been loaded, bit by bit: cheap enough for programs that load a lot.
class LoadedLibraries {
 public:
  // The paths of those that were loaded since the last call, at a call of the hook's function; none at the call before
  // a change.
  absl::StatusOr<std::vector<std::string>> TakeNew(Memory& memory, const LoaderHook& hook);

 private:
  Address last_;  // the link_map of the last one
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_LOADER_H_
