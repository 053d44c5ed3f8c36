// The Python interpreters that a snapshot can be replayed with.
#ifndef PYSNAP_CLI_INTERPRETERS_H_
#define PYSNAP_CLI_INTERPRETERS_H_

#include <optional>
#include <string>
#include <vector>

namespace pysnap::cli {

struct Interpreter {
  std::string path;
  int series = 0;
  std::string ext_suffix;
  bool debug = false;
};

// The folder that holds this program.
std::string ProgramFolder();

// The folder for sys.path that holds the package `pysnap` and its extensions, beside this program; empty if there is
// none.
std::string PackageFolder();

// Asks `python` what it is, by running it. Nothing when it does not run, or is no CPython 3.
std::optional<Interpreter> ProbeInterpreter(const std::string& python);

// Resolves a command name through PATH, as a shell would. Empty if there is none.
std::string FindInPath(const std::string& name);

// The interpreter for a snapshot of Python 3.`series`: one of PYSNAP_PYTHONS, of those known when pysnap was built, of
// PATH or of pyenv, in this order, that has the same series version and an extension in `package`; else the nearest
// other.
std::optional<Interpreter> ChooseInterpreter(int series, const std::string& package);

// Whether `package` has an extension for it.
bool HasExtension(const Interpreter& interpreter, const std::string& package);

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_INTERPRETERS_H_
