#include "snapshotter/cli/replaying_python.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "proto/snapshot.pb.h"
#include "snapshotter/cli/command.h"
#include "snapshotter/cli/interpreters.h"
#include "snapshotter/format/record_stream.h"

namespace pysnap::cli {
namespace {

// The interpreter starts isolated from the user's environment and the current directory; only the package's own folder
// is added to its path.
constexpr char kStart[] =
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from importlib import import_module;"
    " sys.exit(import_module(sys.argv.pop(1)).main(sys.argv[1:]))";
// With what the user's environment names; the current directory, which -c puts first, is still none.
constexpr char kStartWithEnvironment[] =
    "import sys; sys.path = [sys.argv.pop(1), *filter(None, sys.path)]; from importlib import import_module;"
    " sys.exit(import_module(sys.argv.pop(1)).main(sys.argv[1:]))";

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

}  // namespace

int ExecReplayingPython(const ReplayingPython& wanted_python,
                        const std::string& file,
                        const std::vector<std::string>& arguments) {
  proto::Header header;
  if (const int failed = ReadHeader(file, header); failed != kOk) return failed;
  const std::string package = PackageFolder();
  if (package.empty()) {
    return Fail(kError, wanted_python.command, "the Python package is not beside this program; build it first");
  }
  const int series = static_cast<int>(header.process().python().minor());
  const std::string wanted = "3." + std::to_string(series);

  std::optional<Interpreter> python;
  if (const std::string& name = wanted_python.interpreter; !name.empty()) {
    const std::string path = FindInPath(name);
    if (path.empty()) return Fail(kNoSuchTarget, name, "no such interpreter");
    python = ProbeInterpreter(path);
    if (!python) return Fail(kError, name, "it does not run, or is not CPython 3");
    if (!HasExtension(*python, package)) {
      return Fail(kError, name, "pysnap was not built for it; add it to PYSNAP_PYTHONS and build again");
    }
  } else {
    python = ChooseInterpreter(series, package);
    if (!python) {
      return Fail(kError, wanted_python.command, "no interpreter that pysnap was built for is on this machine");
    }
  }
  if (python->series != series) {
    std::fprintf(
        stderr, "pysnap: replaying a snapshot of Python %s with Python 3.%d (%s): its code can be looked at, not run\n",
        wanted.c_str(), python->series, python->path.c_str());
  }

  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(file, error);
  std::vector<std::string> command = {python->path, "-I", "-c", kStart, package};
  if (wanted_python.with_environment) command = {python->path, "-c", kStartWithEnvironment, package};
  command.push_back("pysnap." + wanted_python.module);
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back("--");
  command.push_back(error ? file : absolute.string());
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::fflush(nullptr);
  execv(argv[0], argv.data());
  return Fail(kError, python->path, std::strerror(errno));
}

}  // namespace pysnap::cli
