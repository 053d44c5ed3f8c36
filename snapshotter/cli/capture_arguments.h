// The options that all capturing commands share.
#ifndef PYSNAP_CLI_CAPTURE_ARGUMENTS_H_
#define PYSNAP_CLI_CAPTURE_ARGUMENTS_H_

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "snapshotter/capture/capture_options.h"
#include "snapshotter/cli/command.h"

namespace pysnap::cli {

// Declares them on `command`; both references outlive the parse.
void AddCaptureArguments(CLI::App& command, CaptureOptions& options, bool& quiet);

// The exit code that tells a user's script what kind of failure `status` (not OK) is.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_CAPTURE_ARGUMENTS_H_
