#include "snapshotter/cli/interpreters.h"

#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

extern char** environ;

namespace pysnap::cli {
namespace {

constexpr char kProbe[] =
    "import sys, importlib.machinery as m; "
    "print(sys.implementation.name, sys.version_info[0], sys.version_info[1], m.EXTENSION_SUFFIXES[0], "
    "int(hasattr(sys, 'gettotalrefcount')))";

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Standard output of a command, its other streams closed; empty when it fails.
std::string Output(const std::vector<std::string>& command) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = -1;
  const int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_fds[1]);
  std::string output;
  if (failed == 0) {
    std::array<char, 512> chunk;
    for (;;) {
      const ssize_t got = read(pipe_fds[0], chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || output.size() > 4096) break;
      output.append(chunk.data(), static_cast<size_t>(got));
    }
  }
  close(pipe_fds[0]);
  if (failed != 0) return "";
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? output : "";
}

bool Runnable(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

// The list written when pysnap was built (scripts/interpreters.sh --list).
std::vector<Interpreter> BuiltFor() {
  std::vector<Interpreter> result;
  std::ifstream file(ProgramFolder() + "/../interpreters.json");
  const nlohmann::json list = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!list.is_object() || !list.contains("interpreters")) return result;
  for (const nlohmann::json& entry : list["interpreters"]) {
    if (!entry.is_object() || entry.value("free_threaded", false)) continue;
    Interpreter each;
    each.path = entry.value("path", "");
    each.series = entry.value("minor", 0);
    each.ext_suffix = entry.value("ext_suffix", "");
    each.debug = entry.value("debug", false);
    if (Runnable(each.path)) result.push_back(each);
  }
  // Release builds first: they are faster.
  std::stable_sort(result.begin(), result.end(),
                   [](const Interpreter& a, const Interpreter& b) { return a.debug < b.debug; });
  return result;
}

std::vector<std::string> Glob(const std::string& pattern) {
  std::vector<std::string> found;
  glob_t matches{};
  if (glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
    found.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  }
  globfree(&matches);
  return found;
}

}  // namespace

std::string ProgramFolder() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : self.parent_path().string();
}

std::string PackageFolder() {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(ProgramFolder() + "/../python", error);
  return error || !std::filesystem::exists(folder / "pysnap" / "__init__.py", error) ? "" : folder.string();
}

std::optional<Interpreter> ProbeInterpreter(const std::string& python) {
  std::istringstream answer(Output({python, "-I", "-S", "-c", kProbe}));
  std::string implementation;
  int major = 0;
  Interpreter result;
  result.path = python;
  if (!(answer >> implementation >> major >> result.series >> result.ext_suffix >> result.debug)) return std::nullopt;
  if (implementation != "cpython" || major != 3) return std::nullopt;
  return result;
}

std::string FindInPath(const std::string& name) {
  if (name.find('/') != std::string::npos) return Runnable(name) ? name : "";
  for (const std::string& folder : Split(Environment("PATH"), ':')) {
    const std::string path = folder + "/" + name;
    std::error_code error;
    if (Runnable(path) && !std::filesystem::is_directory(path, error)) return path;
  }
  return "";
}

bool HasExtension(const Interpreter& interpreter, const std::string& package) {
  std::error_code error;
  return std::filesystem::exists(package + "/pysnap/_core" + interpreter.ext_suffix, error);
}

std::optional<Interpreter> ChooseInterpreter(int series, const std::string& package) {
  std::vector<Interpreter> usable;
  const auto consider = [&](const std::optional<Interpreter>& each) {
    if (each && HasExtension(*each, package)) usable.push_back(*each);
    return !usable.empty() && usable.back().series == series;
  };
  for (const std::string& path : Split(Environment("PYSNAP_PYTHONS"), ':')) {
    if (Runnable(path) && consider(ProbeInterpreter(path))) return usable.back();
  }
  for (const Interpreter& each : BuiltFor()) {
    if (consider(each)) return usable.back();
  }
  const std::string name = "python3." + std::to_string(series);
  std::vector<std::string> others =
      Glob(Environment("HOME") + "/.pyenv/versions/3." + std::to_string(series) + ".*/bin/" + name);
  if (const std::string found = FindInPath(name); !found.empty()) others.insert(others.begin(), found);
  if (const std::string found = FindInPath("python3"); !found.empty()) others.push_back(found);
  for (const std::string& path : others) {
    if (consider(ProbeInterpreter(path))) return usable.back();
  }
  const auto distance = [&](const Interpreter& each) { return std::abs(each.series - series); };
  const auto nearest = std::min_element(usable.begin(), usable.end(), [&](const Interpreter& a, const Interpreter& b) {
    return distance(a) != distance(b) ? distance(a) < distance(b) : a.series > b.series;
  });
  if (nearest == usable.end()) return std::nullopt;
  return *nearest;
}

}  // namespace pysnap::cli
