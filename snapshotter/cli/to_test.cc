// `pysnap to-test`: a crash as a test that fails until it is mended.
#include <memory>
#include <string>
#include <vector>

#include "snapshotter/cli/command.h"
#include "snapshotter/cli/replaying_python.h"

namespace pysnap::cli {
namespace {

struct Options {
  std::string file;
  std::string python;
  std::string function;
  std::string source;
  std::string output;
};

int ToTest(const Options& options) {
  std::vector<std::string> arguments;
  if (!options.function.empty()) arguments.push_back("--function=" + options.function);
  if (!options.source.empty()) arguments.push_back("--source=" + options.source);
  if (!options.output.empty()) arguments.push_back("--output=" + options.output);
  const ReplayingPython python = {.command = "to-test", .module = "_to_test", .interpreter = options.python};
  return ExecReplayingPython(python, options.file, arguments);
}

}  // namespace

void AddToTestCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("to-test", "Write a crash as a test that fails until it is mended");
  const auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "The snapshot of a crash")->required();
  command->add_option("-o,--output", options->output, "File to write, or an existing directory")->type_name("PATH");
  command->add_option("--function", options->function, "The function to call (default: the innermost of the program)")
      ->type_name("NAME");
  command->add_option("--source", options->source, "The file with that function (default: where it was)")
      ->type_name("FILE");
  command->add_option("--python", options->python, "The interpreter to read the snapshot with");
  command->callback([options, &exit_code] { exit_code = ToTest(*options); });
}

}  // namespace pysnap::cli
