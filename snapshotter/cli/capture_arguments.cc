#include "snapshotter/cli/capture_arguments.h"

#include "snapshotter/cli/plugins.h"

namespace pysnap::cli {

void AddCaptureArguments(CLI::App& command, CaptureOptions& options, bool& quiet) {
  command.add_option("-o,--output", options.output, "File to write, or an existing directory")->type_name("PATH");
  command.add_flag("--native", options.native, "Merge native frames");
  command.add_flag("--no-locals", options.no_locals, "Record stacks without values");
  command.add_option("--max-objects", options.max_objects, "Stop after this many objects (0: no limit)")
      ->type_name("N");
  command.add_option("--max-bytes", options.max_bytes, "Stop after this many bytes of values (0: no limit)")
      ->type_name("N");
  command.add_option("--max-depth", options.max_depth, "Follow references this far (0: no limit)")->type_name("N");
  command.add_option("--max-items", options.max_items, "Record so many items of a container (0: no limit)")
      ->type_name("N");
  command
      .add_option("--redact", options.redact,
                  "Also leave out what has such a name, and strings that match (repeatable)")
      ->type_name("REGEX")
      ->allow_extra_args(false);
  command.add_flag("--no-redact", options.no_redact, "Record values whose names look secret, too");
  command.add_option("--plugin", options.plugins, kPluginHelp)->type_name("DIR")->allow_extra_args(false);
  command.add_flag("--quiet", quiet, "Print nothing but errors");
}

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kPermissionDenied:
      return kPermission;
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
      return kNotReadablePython;
    case absl::StatusCode::kNotFound:
      return kNoSuchTarget;
    case absl::StatusCode::kUnavailable:
      return kCannotWrite;
    default:
      return kError;
  }
}

}  // namespace pysnap::cli
