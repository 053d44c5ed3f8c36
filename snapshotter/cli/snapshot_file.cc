#include "snapshotter/cli/snapshot_file.h"

#include "snapshotter/cli/command.h"

namespace pysnap::cli {

int FailToLoad(const std::string& path, const absl::Status& status) {
  ExitCode code = kError;
  if (absl::IsNotFound(status)) code = kNoSuchTarget;
  if (absl::IsPermissionDenied(status)) code = kPermission;
  if (absl::IsDataLoss(status)) code = kBadSnapshot;
  return Fail(code, path, status.message());
}

}  // namespace pysnap::cli
