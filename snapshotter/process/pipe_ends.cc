#include "snapshotter/process/pipe_ends.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

constexpr std::chrono::milliseconds kTime{200};
constexpr size_t kMaxEnds = 16;  // of one pipe

class Search {
 public:
  explicit Search(const std::vector<PipeIdentity>& pipes) : pipes_(pipes), found_(pipes.size()) {
    for (size_t i = 0; i < pipes.size(); ++i) by_link_[pipes[i].link].push_back(i);
  }

  std::vector<PipeEnds> Run() && {
    absl::Status problem = LookAtAll();
    if (problem.ok() && refused_ > 0) {
      problem = absl::PermissionDeniedError(absl::StrCat(refused_, " processes could not be looked at"));
    }
    for (PipeEnds& each : found_) {
      if (each.problem.ok()) each.problem = problem;
    }
    return std::move(found_);
  }

 private:
  absl::Status LookAtAll() {
    const UniqueFd proc(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!proc.ok()) return ProcError(errno, "/proc");
    std::vector<pid_t> pids;
    if (const absl::Status status = ListTids(proc.get(), pids); !status.ok()) return status;
    for (const pid_t pid : pids) {
      const UniqueFd dir(openat(proc.get(), absl::StrCat(pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (dir.ok() && !LookAt(pid, dir.get())) return absl::ResourceExhaustedError("this took too long");
    }
    return absl::OkStatus();
  }

  // Whether there is time for more.
  bool LookAt(pid_t pid, int process) {
    const UniqueFd dir(openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir.ok()) {
      if (errno == EACCES || errno == EPERM) ++refused_;
      return true;
    }
    std::vector<int32_t> fds;
    if (!ListTids(dir.get(), fds).ok()) return true;
    for (const int32_t fd : fds) {
      if (std::chrono::steady_clock::now() > end_) return false;
      const std::string name = absl::StrCat(fd);
      const absl::StatusOr<std::string> link = ReadLinkAt(dir.get(), name.c_str());
      const auto pipes = link.ok() ? by_link_.find(*link) : by_link_.end();
      if (pipes == by_link_.end()) continue;
      Consider(pid, process, dir.get(), fd, pipes->second);
    }
    return true;
  }

  // `pipes`: those that the descriptor's link may be of.
  void Consider(pid_t pid, int process, int fd_dir, int32_t fd, const std::vector<size_t>& pipes) {
    struct statx status = {};
    if (statx(fd_dir, absl::StrCat(fd).c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO,
              &status) != 0 ||
        !S_ISFIFO(status.stx_mode)) {
      return;
    }
    const std::optional<int> mode = AccessModeOf(fd_dir, fd);
    if (!mode.has_value()) return;
    std::string program = ReadFileAt(process, "comm", 64).value_or("");
    if (!program.empty() && program.back() == '\n') program.pop_back();
    const uint64_t device = makedev(status.stx_dev_major, status.stx_dev_minor);
    for (const size_t index : pipes) {
      const PipeIdentity& pipe = pipes_[index];
      const bool other = (pipe.reads && *mode != O_RDONLY) || (pipe.writes && *mode != O_WRONLY);
      if (!other || status.stx_ino != pipe.inode || device != pipe.device) continue;
      PipeEnds& found = found_[index];
      if (found.ends.size() < kMaxEnds) {
        found.ends.push_back({.pid = pid, .fd = fd, .program = program});
      } else {
        found.problem = absl::ResourceExhaustedError(absl::StrCat("the first ", kMaxEnds, " are told"));
      }
    }
  }

  const std::vector<PipeIdentity>& pipes_;
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kTime;
  absl::flat_hash_map<std::string, std::vector<size_t>> by_link_;
  std::vector<PipeEnds> found_;
  size_t refused_ = 0;
};

}  // namespace

std::vector<PipeEnds> FindPipeEnds(const std::vector<PipeIdentity>& pipes) {
  if (pipes.empty()) return {};
  return Search(pipes).Run();
}

}  // namespace pysnap
