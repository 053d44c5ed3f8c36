// The interpreter in which a snapshot is replayed, and what the Python package does there for a command.
#ifndef PYSNAP_CLI_REPLAYING_PYTHON_H_
#define PYSNAP_CLI_REPLAYING_PYTHON_H_

#include <string>
#include <vector>

namespace pysnap::cli {

struct ReplayingPython {
  std::string command;      // for messages: "replay"
  std::string module;       // of the package, whose main(arguments) gives the exit code
  std::string interpreter;  // a path or a name; empty: the nearest version that pysnap was built for
  // What the user's environment names can be imported; the current directory never.
  bool with_environment = false;
};

// Replaces this process by an interpreter that runs main() of `python.module` with `arguments` and the path of the
// snapshot. Returns the exit code of the contract when it cannot, having said why.
int ExecReplayingPython(const ReplayingPython& python,
                        const std::string& file,
                        const std::vector<std::string>& arguments);

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_REPLAYING_PYTHON_H_
