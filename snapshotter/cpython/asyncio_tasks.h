// The tasks of asyncio's event loops.
#ifndef PYSNAP_CPYTHON_ASYNCIO_TASKS_H_
#define PYSNAP_CPYTHON_ASYNCIO_TASKS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/asyncio_futures.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/task_scopes.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

struct AsyncioTask {
  Address object;
  int64_t interpreter_id = 0;
  // Of the thread that runs its loop; 0: not known.
  uint64_t thread_ident = 0;
  // It is asyncio.current_task() of its loop.
  bool running = false;
  TaskFacts facts;
  std::vector<Address> awaited_by;  // tasks of the list
  TaskScopes scopes;                // of anyio
};

struct AsyncioTaskList {
  // By interpreter, thread and name, numbers in it as numbers.
  std::vector<AsyncioTask> tasks;
  // What could not be read; the list holds what could.
  std::vector<absl::Status> problems;
};

// Lists what asyncio.all_tasks() would list in every loop, tasks that are done and still registered (up to 3.13), and
// whatever waits for one of them. Nothing when asyncio is not loaded.
AsyncioTaskList ListAsyncioTasks(const Runtime& runtime, Memory& memory, const std::vector<PythonThread>& threads);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_ASYNCIO_TASKS_H_
