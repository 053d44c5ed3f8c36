// The task groups and cancel scopes of anyio where it runs on asyncio. (On trio they are trio's.)
#ifndef PYSNAP_CPYTHON_ANYIO_SCOPES_H_
#define PYSNAP_CPYTHON_ANYIO_SCOPES_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/instance_reader.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/task_scopes.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Of one interpreter. Not thread-safe.
class AnyioScopes {
 public:
  // Both outlive this.
  AnyioScopes(const Runtime& runtime, Memory& memory) : runtime_(runtime), memory_(memory), reader_(runtime, memory) {}

  // Finds what anyio knows of tasks. `modules`: the items of sys.modules. Nothing when it is not loaded. After an error
  // what could be read is there.
  absl::Status Load(const std::vector<NameLookup::Item>& modules);

  // Empty for a task that anyio does not know.
  TaskScopes Of(Address task);

  // The facts of a scope that a child of `owner` is in and `owner` is not inside of any more: up to anyio 3 a group
  // leaves its scope before it waits for its tasks.
  CancelScopeFacts Scope(Address scope, absl::Status& problem) { return ReadCancelScope(reader_, scope, problem); }

 private:
  absl::Status Follow(Address task, Address state, TaskScopes& scopes);

  const Runtime& runtime_;
  Memory& memory_;
  InstanceReader reader_;
  absl::flat_hash_map<Address, Address> states_;  // by task
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_ANYIO_SCOPES_H_
