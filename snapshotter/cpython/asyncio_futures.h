// asyncio's futures and tasks: those of C (Modules/_asynciomodule.c) and those of Python (Lib/asyncio/futures.py and
// tasks.py), which a program uses when it asks for them or there is no _asyncio.
#ifndef PYSNAP_CPYTHON_ASYNCIO_FUTURES_H_
#define PYSNAP_CPYTHON_ASYNCIO_FUTURES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

enum class FutureState { kUnknown, kPending, kCancelled, kFinished };

// Addresses are of objects in the target; null: there is none.
struct TaskFacts {
  std::string name;
  FutureState state = FutureState::kUnknown;
  Address coroutine;
  Address waiter;  // the future it waits for
  Address loop;
};

// Of one interpreter. Not thread-safe.
class AsyncioFutures {
 public:
  // `c_future` and `c_task`: the types of _asyncio; null when it is not loaded. `runtime` and `memory` outlive this.
  AsyncioFutures(const Runtime& runtime, Memory& memory, Address c_future, Address c_task);

  // Whether it is a task of either kind. The caller knows that it is an object.
  bool IsTask(Address object);

  absl::StatusOr<TaskFacts> ReadTask(Address task);

  // The tasks that wait for `task` to be done, directly or through gather(), shield(), wait() or a TaskGroup, without
  // repetition. From 3.14 on asyncio notes them; before, they follow from what is called when it is done.
  absl::StatusOr<std::vector<Address>> AwaitedBy(Address task);

 private:
  enum class Kind { kOther, kFuture, kTask };

  Kind KindOf(Address object);
  // A pointer that a future keeps at `offset` if it is C's, as `attribute` if it is Python's.
  absl::StatusOr<Address> Field(Address future, Offset offset, const char* attribute);
  absl::StatusOr<std::string> NameOf(Address task);
  absl::StatusOr<FutureState> StateOf(Address future);
  // What asyncio notes of who waits for it; nothing when it notes nothing.
  absl::StatusOr<std::optional<std::vector<Address>>> NotedWaiters(Address future);
  absl::StatusOr<std::vector<Address>> CallbacksOf(Address future);
  // The task that `callback` lets go on, or the future that it sets; null for any other callback.
  absl::StatusOr<Address> WokenBy(Address callback);
  absl::StatusOr<Address> WokenByFunction(Address function);
  absl::StatusOr<Address> WokenByMethod(Address method);
  absl::StatusOr<Address> WokenByPartial(Address partial);
  // What a function's closure has under a name; null when there is no such name.
  absl::StatusOr<Address> Captured(Address function, absl::string_view variable);
  // "module:qualname".
  absl::StatusOr<std::string> FullName(Address function);
  absl::StatusOr<Address> TypeOf(Address object);
  // The text of a name, read once.
  absl::StatusOr<std::string> Text(Address str);

  const Runtime& runtime_;
  Memory& memory_;
  const Address c_future_;
  const Address c_task_;
  NameLookup lookup_;
  CodeReader code_reader_;
  absl::flat_hash_map<Address, Kind> kinds_;         // by type
  absl::flat_hash_map<Address, std::string> texts_;  // by str
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_ASYNCIO_FUTURES_H_
