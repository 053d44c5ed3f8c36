#include "snapshotter/supervise/reporter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/format/output_path.h"

namespace pysnap {

std::string Reporter::NextPath(const ProcessInfo& info) {
  const std::string path = OutputPath(output_, ProgramName(info), info.pid, absl::Now());
  // snap.pb, snap-2.pb …
  const size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
  const size_t dot = path.rfind('.');
  const size_t end = dot == std::string::npos || dot <= name ? path.size() : dot;
  std::string free = path;
  for (int number = 2; !taken_.insert(free).second; ++number) {
    free = absl::StrCat(path.substr(0, end), "-", number, path.substr(end));
  }
  return free;
}

void Reporter::Say(absl::string_view text) const {
  std::string line = absl::StrCat("pysnap: ", text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  line += '\n';
  // In one piece: the program may be writing, too.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

void Reporter::Report(const absl::StatusOr<CaptureSummary>& summary) const {
  if (!summary.ok()) {
    Say(absl::StrCat("on-crash: ", summary.status().message()));
  } else if (!quiet_) {
    const auto plural = [](uint64_t count, const char* what) {
      return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
    };
    Say(absl::StrCat("wrote ", summary->path, " (", plural(summary->threads, "thread"), ", ",
                     plural(summary->objects, "object"), ")"));
  }
}

void Reporter::LetGo() const {
  struct stat status;
  if (fstat(STDERR_FILENO, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) return;
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (null.ok()) dup2(null.get(), STDERR_FILENO);
}

}  // namespace pysnap
