// The tasks of asyncio and trio as a person or a script wants to see them: who waits for whom, and who is whose child.
#ifndef PYSNAP_FORMAT_TASK_VIEW_H_
#define PYSNAP_FORMAT_TASK_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/scope_view.h"

namespace pysnap::format {

// Views point into the snapshot.
struct TaskView {
  const proto::Task* task = nullptr;
  std::string_view name;
  std::string_view coroutine;  // its qualified name; empty when it is not known
  // "pending", "running", "cancelled", "finished"; null when it is not known.
  const char* state = nullptr;
  const char* library = nullptr;  // "asyncio", "trio"
  // "main", "init", "system": of trio; null for all others.
  const char* role = nullptr;
  // Of the coroutine and all it waits on, outermost first.
  std::vector<FrameView> frames;
  uint32_t leaf = 0;       // object id of what the last frame waits on
  uint32_t result = 0;     // object id; 0 unless it has finished with one
  uint32_t exception = 0;  // likewise
  // Of trio and anyio: those that it is inside of, outermost first.
  std::vector<ScopeView> scopes;
  // Places in the list.
  std::vector<size_t> awaits;
  std::vector<size_t> awaited_by;
  std::optional<size_t> parent;  // the task that it is a child of, if it is in the list
  std::vector<size_t> children;  // those that are in none of `scopes`

  bool has_children() const;
};

// In the order of the snapshot.
std::vector<TaskView> ViewTasks(const LoadedSnapshot& snapshot);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TASK_VIEW_H_
