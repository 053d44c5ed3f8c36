// `pysnap replay`: picks an interpreter for the snapshot and lets the Python package debug it there.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/snapshot.pb.h"
#include "snapshotter/cli/command.h"
#include "snapshotter/cli/interpreters.h"
#include "snapshotter/cli/plugins.h"
#include "snapshotter/format/record_stream.h"

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

// The interpreter starts isolated from the user's environment and the current directory; only the package's own folder
// is added to its path.
constexpr char kStart[] =
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from pysnap._replay import main; sys.exit(main(sys.argv[1:]))";
// With libraries, which the user's environment may name; the current directory, which -c puts first, is still none.
constexpr char kStartWithLibraries[] =
    "import sys; sys.path = [sys.argv.pop(1), *filter(None, sys.path)]; from pysnap._replay import main;"
    " sys.exit(main(sys.argv[1:]))";

int ReadHeader(const std::string& path, proto::Header& header) {
  std::string error;
  int number = 0;
  const std::optional<std::string> file = format::ReadWholeFile(path, &error, &number);
  if (!file) return Fail(number == EACCES || number == EPERM ? kPermission : kNoSuchTarget, path, error);
  format::RecordBuffers buffers;
  bool parsed = false;
  const format::StreamEnd end = format::ReadRecords(
      *file, buffers,
      [&](uint32_t kind, std::string_view payload) {
        parsed =
            kind == format::kHeaderRecord && header.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
        return false;
      },
      /*reuse_buffers=*/true);
  if (!end.damage.empty()) return Fail(kBadSnapshot, path, end.damage);
  if (!parsed) return Fail(kBadSnapshot, path, "its header cannot be parsed");
  return kOk;
}

int Replay(const Options& options) {
  proto::Header header;
  if (const int failed = ReadHeader(options.file, header); failed != kOk) return failed;
  const std::string package = PackageFolder();
  if (package.empty()) return Fail(kError, "replay", "the Python package is not beside this program; build it first");
  const int series = static_cast<int>(header.process().python().minor());
  const std::string wanted = "3." + std::to_string(series);

  std::optional<Interpreter> python;
  if (!options.python.empty()) {
    const std::string path = FindInPath(options.python);
    if (path.empty()) return Fail(kNoSuchTarget, options.python, "no such interpreter");
    python = ProbeInterpreter(path);
    if (!python) return Fail(kError, options.python, "it does not run, or is not CPython 3");
    if (!HasExtension(*python, package)) {
      return Fail(kError, options.python, "pysnap was not built for it; add it to PYSNAP_PYTHONS and build again");
    }
  } else {
    python = ChooseInterpreter(series, package);
    if (!python) return Fail(kError, "replay", "no interpreter that pysnap was built for is on this machine");
  }
  if (python->series != series) {
    std::fprintf(
        stderr, "pysnap: replaying a snapshot of Python %s with Python 3.%d (%s): its code can be looked at, not run\n",
        wanted.c_str(), python->series, python->path.c_str());
  }

  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(options.file, error);
  std::vector<std::string> command = {python->path, "-I", "-c", kStart, package};
  if (options.import_libraries) command = {python->path, "-c", kStartWithLibraries, package, "--import"};
  for (const std::string& each : options.commands) command.push_back("--command=" + each);
  if (!options.thread.empty()) command.push_back("--thread=" + options.thread);
  command.push_back("--ui=" + options.ui);
  if (options.run_code) command.push_back("--run-code");
  for (const std::string& folder : PluginFolders(options.plugins)) command.push_back("--plugin=" + folder);
  command.push_back("--");
  command.push_back(error ? options.file : absolute.string());
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::fflush(nullptr);
  execv(argv[0], argv.data());
  return Fail(kError, python->path, std::strerror(errno));
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
