// What tasks of asyncio wait for, beyond the future that is behind it.
#ifndef PYSNAP_FORMAT_TASK_WAIT_H_
#define PYSNAP_FORMAT_TASK_WAIT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/task_view.h"

namespace pysnap::format {

struct TaskWait {
  // "queue get", "queue put", "queue join", "lock", "event", "condition", "semaphore", "barrier"; "tasks": other tasks;
  // "future": one of which nothing else is known.
  const char* kind = nullptr;
  uint32_t object = 0;  // object id of the queue, lock … or future; 0 for "tasks"

  // Than the future and the tree of tasks do.
  bool says_more() const { return object != 0 && std::string_view(kind) != "future"; }
};

// Nothing for a task that waits for nothing, is none of asyncio's, or has frames that were not read.
std::optional<TaskWait> WaitOf(const LoadedSnapshot& snapshot, const TaskView& task);

// "an item of the queue <…>", "task a, task b"; harmless to a terminal. `tasks`: all of the snapshot.
std::string DescribeWait(const LoadedSnapshot& snapshot,
                         const std::vector<TaskView>& tasks,
                         size_t task,
                         const TaskWait& wait,
                         size_t max_repr);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TASK_WAIT_H_
