// What the commands that read snapshots share.
#ifndef PYSNAP_CLI_SNAPSHOT_FILE_H_
#define PYSNAP_CLI_SNAPSHOT_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace pysnap::cli {

// Reports why LoadedSnapshot::Load failed. Returns the contract's exit code for it.
int FailToLoad(const std::string& path, const absl::Status& status);

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_SNAPSHOT_FILE_H_
