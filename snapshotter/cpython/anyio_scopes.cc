#include "snapshotter/cpython/anyio_scopes.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/module_globals.h"

namespace pysnap {

// anyio 3.0 to 4.16: anyio/_backends/_asyncio.py: _task_states, a WeakKeyDictionary of TaskState by task.
absl::Status AnyioScopes::Load(const std::vector<NameLookup::Item>& modules) {
  NameLookup lookup(runtime_, memory_);
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> globals,
                   ModuleGlobals(runtime_, memory_, modules, "anyio._backends._asyncio"));
  if (globals.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Address by_task, lookup.Find(globals, "_task_states"));
  if (by_task.is_null()) {
    return absl::UnimplementedError("it has no _task_states: it is another release, or being imported");
  }
  ASSIGN_OR_RETURN(const Address data, reader_.Get(by_task, "data"));
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(data));
  absl::Status problem;
  for (const auto& [reference, state] : items) {
    const absl::StatusOr<Address> task = memory_.ReadPointer(reference + runtime_.layout.PyWeakReference.wr_object);
    problem.Update(task.status());
    if (task.ok()) states_[*task] = state;
  }
  return problem;
}

TaskScopes AnyioScopes::Of(Address task) {
  TaskScopes scopes;
  const auto state = states_.find(task);
  if (state == states_.end()) return scopes;
  scopes.Note(Follow(task, state->second, scopes));
  std::reverse(scopes.entered.begin(), scopes.entered.end());
  return scopes;
}

// A task's innermost scope is the one that it has entered last, or else that of the group which it was started in;
// each knows the one around it, and the task that has entered it.
absl::Status AnyioScopes::Follow(Address task, Address state, TaskScopes& scopes) {
  absl::flat_hash_set<Address> seen;
  ASSIGN_OR_RETURN(Address scope, reader_.GetUnlessNone(state, "cancel_scope"));
  while (!scope.is_null()) {
    if (!seen.insert(scope).second || seen.size() > kMaxScopes) {
      return absl::DataLossError("its cancel scopes do not end");
    }
    ASSIGN_OR_RETURN(const Address host, reader_.GetUnlessNone(scope, "_host_task"));
    if (host.is_null()) return absl::DataLossError("it is in a cancel scope that nobody has entered");
    if (host != task) {
      scopes.parent = host;
      scopes.parent_scope = scope;
      return absl::OkStatus();
    }
    scopes.entered.push_back(ReadCancelScope(reader_, scope, scopes.problem));
    ASSIGN_OR_RETURN(scope, reader_.GetUnlessNone(scope, "_parent_scope"));
  }
  return absl::OkStatus();
}

}  // namespace pysnap
