// `pysnap replay`: picks an interpreter for the snapshot and lets the Python package debug it there.
#include <memory>
#include <string>
#include <vector>

#include "snapshotter/cli/command.h"
#include "snapshotter/cli/plugins.h"
#include "snapshotter/cli/replaying_python.h"

namespace pysnap::cli {
namespace {

struct Options {
  std::string file;
  std::string python;
  std::vector<std::string> commands;
  std::string thread;
  std::string ui = "pdb";
  bool run_code = false;
  bool import_libraries = false;
  std::vector<std::string> plugins;
};

int Replay(const Options& options) {
  std::vector<std::string> arguments;
  for (const std::string& each : options.commands) arguments.push_back("--command=" + each);
  if (!options.thread.empty()) arguments.push_back("--thread=" + options.thread);
  arguments.push_back("--ui=" + options.ui);
  if (options.run_code) arguments.emplace_back("--run-code");
  if (options.import_libraries) arguments.emplace_back("--import");
  for (const std::string& folder : PluginFolders(options.plugins)) arguments.push_back("--plugin=" + folder);
  // Code that runs imports what it needs.
  const ReplayingPython python = {.command = "replay",
                                  .module = "_replay",
                                  .interpreter = options.python,
                                  .with_environment = options.import_libraries || options.run_code};
  return ExecReplayingPython(python, options.file, arguments);
}

}  // namespace

void AddReplayCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("replay", "Debug a snapshot: pdb inside the rebuilt frames");
  const auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "The snapshot")->required();
  command->add_option("--python", options->python, "The interpreter to replay it with (default: the nearest version)");
  command->add_option("-c", options->commands, "Run this debugger command and quit; repeatable")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("PDBCMD");
  command->add_option("--thread", options->thread, "Start in this thread")->type_name("ID|NAME");
  command->add_option("--ui", options->ui, "The debugger")
      ->check(CLI::IsMember({"pdb", "ipython"}))
      ->capture_default_str();
  command->add_flag("--run-code", options->run_code, "Let captured functions and methods be called");
  command->add_option("--plugin", options->plugins, kPluginHelp)->type_name("DIR")->allow_extra_args(false);
  command->add_flag("--import", options->import_libraries,
                    "Rebuild arrays, frames and tensors with numpy, pandas and torch, if the interpreter has them");
  command->callback([options, &exit_code] { exit_code = Replay(*options); });
}

}  // namespace pysnap::cli
