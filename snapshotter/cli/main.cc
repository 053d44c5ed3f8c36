#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "snapshotter/cli/command.h"

namespace pysnap::cli {

int Fail(ExitCode code, absl::string_view what, absl::string_view why) {
  std::string line = "pysnap: ";
  line.append(what.data(), what.size()).append(": ").append(why.data(), why.size());
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  std::fprintf(stderr, "%s\n", line.c_str());
  return code;
}

namespace {

using AddCommand = void (*)(CLI::App& app, int& exit_code);
constexpr AddCommand kCommands[] = {AddAttachCommand, AddOnCrashCommand, AddShowCommand,  AddReplayCommand,
                                    AddToTestCommand, AddPeekCommand,    AddRedactCommand};

int Main(int argc, char** argv) {
  CLI::App app{"Snapshots CPython processes from outside, and lets you debug what was captured.", "pysnap"};
  app.set_version_flag("--version", "pysnap " PYSNAP_VERSION);
  app.require_subcommand(1);
  int exit_code = kOk;
  for (AddCommand add : kCommands) add(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
      return app.exit(error);  // --help, --version
    return Fail(kUsage, "usage", std::string(error.what()) + " (see pysnap --help)");
  }
  return exit_code;
}

}  // namespace
}  // namespace pysnap::cli

int main(int argc, char** argv) { return pysnap::cli::Main(argc, argv); }
