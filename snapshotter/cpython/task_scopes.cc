#include "snapshotter/cpython/task_scopes.h"

#include "absl/status/statusor.h"

namespace pysnap {
namespace {

template <typename T>
std::optional<T> Known(const absl::StatusOr<T>& value, absl::Status& problem) {
  problem.Update(value.status());
  return value.ok() ? std::optional<T>(*value) : std::nullopt;
}

}  // namespace

// trio 0.12 to 0.35: trio/_core/_run.py: CancelScope. anyio 3.0 to 4.16: anyio/_backends/_asyncio.py: CancelScope.
CancelScopeFacts ReadCancelScope(InstanceReader& reader, Address scope, absl::Status& problem) {
  CancelScopeFacts facts;
  facts.object = scope;
  facts.deadline = Known(reader.GetNumber(scope, "_deadline"), problem);
  facts.cancelled = Known(reader.GetFlag(scope, "_cancel_called"), problem);
  facts.shield = Known(reader.GetFlag(scope, "_shield"), problem);
  return facts;
}

}  // namespace pysnap
