#include "snapshotter/format/output_path.h"

#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace pysnap {
namespace {

constexpr size_t kMaxProgram = 64;

std::string HarmlessName(absl::string_view program) {
  while (!program.empty() && program.back() == '/') program.remove_suffix(1);
  const size_t slash = program.rfind('/');
  if (slash != absl::string_view::npos) program.remove_prefix(slash + 1);
  std::string name;
  for (char c : program.substr(0, kMaxProgram)) {
    name.push_back(absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-' ? c : '_');
  }
  return name.empty() ? "python" : name;
}

}  // namespace

std::string DefaultFileName(absl::string_view program, int64_t pid, absl::Time time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const int64_t millis = absl::ToUnixMillis(time) - absl::ToUnixSeconds(time) * 1000;
  return absl::StrCat("pysnap-", HarmlessName(program), "-", pid, "-", absl::FormatTime("%Y%m%dT%H%M%S", time, utc),
                      ".", absl::Dec(millis, absl::kZeroPad3), "Z.pb");
}

std::string OutputPath(absl::string_view output_option, absl::string_view program, int64_t pid, absl::Time time) {
  if (output_option.empty()) return DefaultFileName(program, pid, time);
  std::string path(output_option);
  struct stat existing;
  if (stat(path.c_str(), &existing) != 0 || !S_ISDIR(existing.st_mode)) return path;
  if (path.back() != '/') path.push_back('/');
  return path + DefaultFileName(program, pid, time);
}

}  // namespace pysnap
