#include "snapshotter/cpython/threads.h"

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Bounds for chains that a corrupted target does not close upon themselves.
constexpr size_t kMaxInterpreters = 100'000;
constexpr size_t kMaxThreads = 10'000'000;
constexpr size_t kMaxExceptionDepth = 1'000'000;

// The exception being handled: the innermost entry of the chain that holds one (_PyErr_GetTopmostException,
// Python/errors.c).
absl::StatusOr<Address> HandledException(const Runtime& runtime, Memory& memory, Address thread_state) {
  const auto& layout = runtime.layout._PyErr_StackItem;
  const Address none = runtime.Symbol("_Py_NoneStruct");
  ASSIGN_OR_RETURN(Address item, memory.ReadPointer(thread_state + runtime.layout.PyThreadState.exc_info));
  absl::flat_hash_set<Address> seen;
  while (!item.is_null()) {
    if (!seen.insert(item).second || seen.size() > kMaxExceptionDepth) {
      return absl::DataLossError("the chain of handled exceptions does not end");
    }
    ASSIGN_OR_RETURN(const Address value, memory.ReadPointer(item + layout.exc_value));
    if (!value.is_null() && value != none) return value;
    ASSIGN_OR_RETURN(item, memory.ReadPointer(item + layout.previous_item));
  }
  return Address();
}

absl::Status ReadThread(const Runtime& runtime, Memory& memory, PythonThread& thread) {
  const auto& layout = runtime.layout.PyThreadState;
  ASSIGN_OR_RETURN(thread.ident, memory.ReadValue<uint64_t>(thread.state + layout.thread_id));
  if (layout.native_thread_id != kNoOffset) {
    ASSIGN_OR_RETURN(thread.native_id, memory.ReadValue<uint64_t>(thread.state + layout.native_thread_id));
  }
  ASSIGN_OR_RETURN(thread.handling, HandledException(runtime, memory, thread.state));
  if (layout.current_exception != kNoOffset) {
    ASSIGN_OR_RETURN(thread.raised.value, memory.ReadPointer(thread.state + layout.current_exception));
  } else {
    ASSIGN_OR_RETURN(thread.raised.type, memory.ReadPointer(thread.state + layout.curexc_type));
    ASSIGN_OR_RETURN(thread.raised.value, memory.ReadPointer(thread.state + layout.curexc_value));
    ASSIGN_OR_RETURN(thread.raised.traceback, memory.ReadPointer(thread.state + layout.curexc_traceback));
  }
  return absl::OkStatus();
}

// Where _PyRuntime.main_thread is. Debug offsets do not give it, and a micro version may have moved it: behind the last
// field that they give it is still among those declared "as early as possible" for the sake of debuggers. What is there
// is the ident of a thread, or no thread is the main one.
Offset MainThreadOffset(const Runtime& runtime) {
  const auto& layout = runtime.layout._PyRuntimeState;
  const auto& tabled = runtime.version->release->_PyRuntimeState;
  if (layout.main_thread != kNoOffset || tabled.main_thread == kNoOffset) return layout.main_thread;
  return layout.interpreters_head + tabled.main_thread - tabled.interpreters_head;
}

absl::Status MarkMainThread(const Runtime& runtime, Memory& memory, std::vector<PythonThread>& threads) {
  const Offset place = MainThreadOffset(runtime);
  if (place == kNoOffset) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t main, memory.ReadValue<uint64_t>(runtime.py_runtime + place));
  for (PythonThread& thread : threads) thread.is_main = thread.ident != 0 && thread.ident == main;
  return absl::OkStatus();
}

}  // namespace

PythonThreadList ListPythonThreads(const Runtime& runtime, Memory& memory) {
  const auto& layout = runtime.layout;
  PythonThreadList list;
  const auto problem = [&list](const absl::Status& status) { list.problems.push_back(status); };

  absl::flat_hash_set<Address> seen;
  absl::StatusOr<Address> interpreter =
      memory.ReadPointer(runtime.py_runtime + layout._PyRuntimeState.interpreters_head);
  for (; interpreter.ok() && !interpreter->is_null();
       interpreter = memory.ReadPointer(*interpreter + layout.PyInterpreterState.next)) {
    if (!seen.insert(*interpreter).second || seen.size() > kMaxInterpreters) {
      problem(absl::DataLossError("the list of interpreters does not end"));
      break;
    }
    const absl::StatusOr<int64_t> id = memory.ReadValue<int64_t>(*interpreter + layout.PyInterpreterState.id);
    const absl::StatusOr<Address> modules =
        memory.ReadPointer(*interpreter + layout.PyInterpreterState.imports_modules);
    const absl::StatusOr<Address> holder = runtime.version->gil_holder(runtime, memory, *interpreter);
    for (const absl::Status& status : {id.status(), modules.status(), holder.status()}) {
      if (!status.ok()) problem(status);
    }

    absl::flat_hash_set<Address> seen_threads;
    absl::StatusOr<Address> state = memory.ReadPointer(*interpreter + layout.PyInterpreterState.threads_head);
    for (; state.ok() && !state->is_null(); state = memory.ReadPointer(*state + layout.PyThreadState.next)) {
      if (!seen_threads.insert(*state).second || seen_threads.size() > kMaxThreads) {
        problem(absl::DataLossError("the list of threads does not end"));
        break;
      }
      PythonThread thread;
      thread.state = *state;
      thread.interpreter = *interpreter;
      thread.interpreter_id = id.value_or(-1);
      thread.modules = modules.value_or(Address());
      thread.holds_gil = holder.ok() && *holder == *state;
      if (const absl::Status status = ReadThread(runtime, memory, thread); !status.ok()) problem(status);
      list.threads.push_back(thread);
    }
    if (!state.ok()) problem(state.status());
  }
  if (!interpreter.ok()) problem(interpreter.status());
  if (const absl::Status status = MarkMainThread(runtime, memory, list.threads); !status.ok()) problem(status);
  return list;
}

std::vector<std::vector<const PythonThread*>> ByInterpreter(const std::vector<PythonThread>& threads) {
  std::vector<std::vector<const PythonThread*>> interpreters;
  absl::flat_hash_map<Address, size_t> places;
  for (const PythonThread& thread : threads) {
    const auto [it, inserted] = places.try_emplace(thread.interpreter, interpreters.size());
    if (inserted) interpreters.emplace_back();
    interpreters[it->second].push_back(&thread);
  }
  return interpreters;
}

}  // namespace pysnap
