// The cancel scopes of trio and anyio, and the tree that tasks and scopes make.
#ifndef PYSNAP_CPYTHON_TASK_SCOPES_H_
#define PYSNAP_CPYTHON_TASK_SCOPES_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/instance_reader.h"

namespace pysnap {

// Bounds what a corrupted target can make of scopes within each other.
inline constexpr size_t kMaxScopes = 1 << 16;

// What could not be read is not set.
struct CancelScopeFacts {
  Address object;
  Address nursery;  // of trio, that has it; null: none, or not known
  std::optional<double> deadline;
  std::optional<bool> cancelled;
  std::optional<bool> shield;
};

// Addresses are of objects in the target; null: there is none, or it is not known.
struct TaskScopes {
  // Keeps the first of what goes wrong.
  void Note(const absl::Status& status) { problem.Update(status); }

  Address parent;        // the task that it is a child of
  Address parent_scope;  // the cancel scope of the nursery or task group that it is in
  // Those that it has entered and not left, outermost first.
  std::vector<CancelScopeFacts> entered;
  // Why that is not all.
  absl::Status problem;
};

// The facts that trio's scopes, and those that anyio has for asyncio, keep under the same names. What cannot be read is
// noted in `problem`, and not set.
CancelScopeFacts ReadCancelScope(InstanceReader& reader, Address scope, absl::Status& problem);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_TASK_SCOPES_H_
