#include "snapshotter/cli/plugins.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/format/record_stream.h"
#include "snapshotter/objects/known_layouts.h"

namespace pysnap::cli {

std::vector<std::string> PluginFolders(const std::vector<std::string>& named) {
  std::vector<std::string> folders;
  const char* variable = std::getenv("PYSNAP_PLUGINS");
  if (variable != nullptr) folders = absl::StrSplit(variable, ':', absl::SkipEmpty());
  folders.insert(folders.end(), named.begin(), named.end());
  return folders;
}

absl::StatusOr<std::shared_ptr<const DeclaredLayouts>> LoadLayouts(const std::vector<std::string>& named) {
  const std::vector<std::string> folders = PluginFolders(named);
  auto layouts = std::make_shared<DeclaredLayouts>();
  RETURN_IF_ERROR(layouts->Add(kKnownLayouts));
  for (const std::string& folder : folders) {
    std::error_code error;
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path().string());
    }
    if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
      std::string why;
      int number = 0;
      const std::optional<std::string> text = format::ReadWholeFile(file, &why, &number);
      if (!text.has_value()) return absl::NotFoundError(absl::StrCat(file, ": ", why));
      if (const absl::Status added = layouts->Add(*text); !added.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(file, ": ", added.message()));
      }
    }
  }
  return layouts;
}

}  // namespace pysnap::cli
