// Event loops of asyncio that nothing can give anything to do any more.
#ifndef PYSNAP_FORMAT_IDLE_LOOPS_H_
#define PYSNAP_FORMAT_IDLE_LOOPS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/task_view.h"

namespace pysnap::format {

struct IdleLoop {
  uint32_t object = 0;  // object id
  std::vector<size_t>
      tasks;  // places in LoadedSnapshot::tasks(): all of the loop that are pending; there is one at least
};

// Proven, or not in the list. No code of the process will ever run again, unless somebody sends it a signal that ends
// it or interrupts it (KeyboardInterrupt), because
//  - every one of its threads, also those that Python knows nothing of, is parked (ProcessState.parked) or runs a loop
//    that is in its selector, without a timeout, and has nothing registered there but what the loop wakes itself by;
//  - these loops are Python's own (_UnixSelectorEventLoop itself, since a derived class may do anything), have nothing
//    ready and nothing scheduled, and handle no signals;
//  - and no signal has a handler that could go on with anything.
std::vector<IdleLoop> FindIdleLoops(const LoadedSnapshot& snapshot, const std::vector<TaskView>& tasks);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_IDLE_LOOPS_H_
