// The tasks of trio's runs.
#ifndef PYSNAP_CPYTHON_TRIO_TASKS_H_
#define PYSNAP_CPYTHON_TRIO_TASKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/task_scopes.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Addresses are of objects in the target; null: there is none, or it could not be read.
struct TrioTask {
  enum class Role { kOrdinary, kMain, kInit, kSystem };

  Address object;
  int64_t interpreter_id = 0;
  // Of the thread that runs it; 0: not known.
  uint64_t thread_ident = 0;
  // It is trio.lowlevel.current_task() of its thread.
  bool running = false;
  // `name` and `coroutine` could be read; `problem` says why not.
  bool known = false;
  Role role = Role::kOrdinary;
  std::string name;
  Address coroutine;
  Address sleep_data;  // what has put it to sleep left this with it (custom_sleep_data)
  Address runner;
  TaskScopes scopes;
};

struct TrioTaskList {
  // By interpreter, thread, and the order in which they were made.
  std::vector<TrioTask> tasks;
  // What could not be read; the list holds what could.
  std::vector<absl::Status> problems;
};

// Lists the tasks of every trio.run() and of every run as a guest. Nothing when trio is not loaded.
TrioTaskList ListTrioTasks(const Runtime& runtime, Memory& memory, const std::vector<PythonThread>& threads);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_TRIO_TASKS_H_
