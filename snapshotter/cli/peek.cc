// `pysnap peek`: one line for each snapshot.
#include <errno.h>
#include <string.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "snapshotter/cli/command.h"
#include "snapshotter/cli/snapshot_file.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/text_view.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::cli {
namespace {

// The *.pb files of a directory, by name.
std::vector<std::string> SnapshotsIn(const std::string& directory, std::error_code* error) {
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator it(directory, *error), end; !*error && it != end; it.increment(*error)) {
    std::error_code ignored;
    if (it->path().extension() == ".pb" && !it->is_directory(ignored)) files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

int PeekFile(const std::string& path) {
  const auto snapshot = format::LoadedSnapshot::Load(path);
  if (!snapshot.ok()) return FailToLoad(path, snapshot.status());
  printf("%s: %s\n", format::Harmless(path).c_str(), format::PeekLine(**snapshot).c_str());
  if (!(*snapshot)->damage().empty()) {
    fflush(stdout);
    return Fail(kBadSnapshot, path, (*snapshot)->damage());
  }
  return kOk;
}

// Goes on after a file that cannot be read; the first failure is the exit code.
int Peek(const std::vector<std::string>& paths) {
  int exit_code = kOk;
  const auto note = [&exit_code](int code) {
    if (exit_code == kOk) exit_code = code;
  };
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      note(PeekFile(path));
      continue;
    }
    for (const std::string& file : SnapshotsIn(path, &error)) note(PeekFile(file));
    if (error) note(Fail(error == std::errc::permission_denied ? kPermission : kError, path, error.message()));
  }
  if (fflush(stdout) != 0) note(Fail(kCannotWrite, "stdout", strerror(errno)));
  return exit_code;
}

}  // namespace

void AddPeekCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("peek", "Print one line for each snapshot");
  auto paths = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE|DIR", *paths, "Snapshots, or directories of *.pb files")->required();
  command->callback([paths, &exit_code] { exit_code = Peek(*paths); });
}

}  // namespace pysnap::cli
