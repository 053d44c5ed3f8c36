// The nurseries, task groups and cancel scopes that a task is inside of, and the with statements that have entered
// them.
#ifndef PYSNAP_FORMAT_SCOPE_VIEW_H_
#define PYSNAP_FORMAT_SCOPE_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Views point into the snapshot.
struct ScopeView {
  const proto::CancelScope* scope = nullptr;
  const char* kind = nullptr;  // "nursery", "task group", "cancel scope"
  // Place of the frame whose with statement has entered it, among those of the task; nothing when it is not known.
  std::optional<size_t> frame;
  uint32_t line = 0;        // of that statement; 0: not known
  std::string_view target;  // what it has behind `as`; empty: nothing, or not known
  // The tasks that were started in it: places in the list of tasks.
  std::vector<size_t> children;
};

// Those of `task`, whose frames are `frames`, outermost first.
std::vector<ScopeView> ViewScopes(const LoadedSnapshot& snapshot,
                                  const proto::Task& task,
                                  const std::vector<FrameView>& frames);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_SCOPE_VIEW_H_
