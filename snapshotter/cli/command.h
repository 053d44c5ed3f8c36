// The commands of `pysnap`, one file each. To add one: write its AddXCommand and a line to kCommands in main.cc.
#ifndef PYSNAP_CLI_COMMAND_H_
#define PYSNAP_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pysnap::cli {

// The exit codes users rely on.
enum ExitCode : int {
  kOk = 0,
  kError = 1,
  kUsage = 2,
  kPermission = 3,
  kNotReadablePython = 4,
  kNoSuchTarget = 5,
  kCannotWrite = 6,
  kBadSnapshot = 7,
};

// Prints "pysnap: <what>: <why>" on stderr, one line whatever `why` contains. Returns `code`.
int Fail(ExitCode code, absl::string_view what, absl::string_view why);

// Each declares its subcommand and its options on `app`; when the subcommand was given, its callback stores the
// process's exit code in `exit_code`, which outlives the parse.
void AddAttachCommand(CLI::App& app, int& exit_code);
void AddOnCrashCommand(CLI::App& app, int& exit_code);
void AddShowCommand(CLI::App& app, int& exit_code);
void AddRedactCommand(CLI::App& app, int& exit_code);
void AddPeekCommand(CLI::App& app, int& exit_code);
void AddReplayCommand(CLI::App& app, int& exit_code);
void AddToTestCommand(CLI::App& app, int& exit_code);

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_COMMAND_H_
