// The interpreters of a runtime and their Python threads.
#ifndef PYSNAP_CPYTHON_THREADS_H_
#define PYSNAP_CPYTHON_THREADS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The exception that is propagating through a thread. From 3.12 on there is only `value`, which holds all of it.
// Before, these are curexc_type, curexc_value and curexc_traceback (Include/cpython/pystate.h): as long as nobody looks
// at the exception, the value may be missing or be a mere argument, and its traceback is not in it.
struct RaisedException {
  Address type;
  Address value;
  Address traceback;

  bool is_null() const { return type.is_null() && value.is_null(); }
  friend bool operator==(const RaisedException&, const RaisedException&) = default;
};

// One PyThreadState. Addresses are of objects in the target; null: there is none.
struct PythonThread {
  Address state;
  Address interpreter;
  int64_t interpreter_id = 0;
  Address modules;     // the sys.modules of its interpreter
  uint64_t ident = 0;  // threading.get_ident(): the pthread_t
  // As the target sees it. 0 where the version does not store it (before 3.11).
  uint64_t native_id = 0;
  // It is the thread that initialized the runtime: threading.main_thread().
  bool is_main = false;
  bool holds_gil = false;
  // The exception being handled (sys.exception()), and the one that is propagating.
  Address handling;
  RaisedException raised;
};

struct PythonThreadList {
  std::vector<PythonThread> threads;
  // What could not be read; the list holds what could.
  std::vector<absl::Status> problems;
};

// Lists the threads of every interpreter. A thread that was not started by Python and never ran Python code has no
// thread state and is not listed.
PythonThreadList ListPythonThreads(const Runtime& runtime, Memory& memory);

// The threads of each interpreter, in the order in which interpreters come up. Points into `threads`.
std::vector<std::vector<const PythonThread*>> ByInterpreter(const std::vector<PythonThread>& threads);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_THREADS_H_
