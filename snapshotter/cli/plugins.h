// Plugins: folders in which somebody has written down types that pysnap does not know. docs/adding-a-type.md
#ifndef PYSNAP_CLI_PLUGINS_H_
#define PYSNAP_CLI_PLUGINS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/objects/declared_layouts.h"

namespace pysnap::cli {

// The folders named on the command line, and before them those of PYSNAP_PLUGINS, between colons.
std::vector<std::string> PluginFolders(const std::vector<std::string>& named);

// The layouts that pysnap knows, and what the *.json files of PluginFolders(named) declare. NotFound and
// InvalidArgument name the file.
absl::StatusOr<std::shared_ptr<const DeclaredLayouts>> LoadLayouts(const std::vector<std::string>& named);

constexpr char kPluginHelp[] = "Folder that tells of types of C extensions (repeatable; also PYSNAP_PLUGINS)";

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_PLUGINS_H_
