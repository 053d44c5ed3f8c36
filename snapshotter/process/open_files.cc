#include "snapshotter/process/open_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/proc_files.h"
#include "snapshotter/process/socket_facts.h"

namespace pysnap {
namespace {

constexpr size_t kMaxInfo = 4096;

absl::Status Problem(int32_t fd, absl::string_view why) {
  return absl::OutOfRangeError(absl::StrCat("descriptor ", fd, ": ", why));
}

}  // namespace

void OpenFiles::Note(int32_t fd) {
  if (fd >= 0) files_.try_emplace(fd);
}

void OpenFiles::Prepare() {
  for (auto& [fd, entry] : files_) {
    const absl::StatusOr<mode_t> type = TypeOf(fd);
    if (type.ok()) entry.type = *type;
  }
}

void OpenFiles::Read() {
  missed_ = false;
  if (files_.empty()) return;
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, target_.pid(), 0)));
  for (auto& [fd, entry] : files_) {
    entry.file = Ask(fd, entry, pidfd.get());
    entry.type.reset();
  }
}

void OpenFiles::CannotRead(const absl::Status& why) {
  missed_ = false;
  for (auto& [fd, entry] : files_) entry.file = OpenFile{.problem = why, .position = {}, .address = {}, .peer = {}};
}

const OpenFile* OpenFiles::Find(int32_t fd) {
  const auto found = files_.find(fd);
  if (found != files_.end() && found->second.file.has_value()) return &*found->second.file;
  missed_ = true;
  return nullptr;
}

absl::StatusOr<mode_t> OpenFiles::TypeOf(int32_t fd) const {
  struct statx status = {};
  // What the kernel has at hand: a server that has gone away is not waited for.
  if (statx(target_.proc_dir(), absl::StrCat("fd/", fd).c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE,
            &status) != 0) {
    return Problem(fd, errno == ENOENT ? "it is not open" : std::strerror(errno));
  }
  return status.stx_mode & S_IFMT;
}

OpenFile OpenFiles::Ask(int32_t fd, const Entry& entry, int pidfd) const {
  OpenFile file;
  // What was a socket is taken for one: at worst a descriptor of something else is duplicated.
  const bool known = entry.type.has_value() && S_ISSOCK(*entry.type);
  const absl::StatusOr<mode_t> type = known ? *entry.type : TypeOf(fd);
  if (!type.ok()) {
    file.problem = type.status();
  } else if (S_ISREG(*type) || S_ISBLK(*type)) {
    const auto info = ReadFileAt(target_.proc_dir(), absl::StrCat("fdinfo/", fd).c_str(), kMaxInfo);
    int64_t position = 0;
    if (!info.ok()) {
      file.problem = Problem(fd, info.status().message());
    } else if (absl::SimpleAtoi(StatusField(*info, "pos"), &position)) {
      file.position = position;
    }
  } else if (S_ISSOCK(*type)) {
    // A second descriptor of the same socket, for a moment. The target has the first one, so that closing ours does
    // nothing to it.
    const UniqueFd socket(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, fd, 0)));
    if (!socket.ok()) {
      file.problem = Problem(fd, absl::StrCat("pidfd_getfd: ", std::strerror(errno)));
    } else {
      absl::StatusOr<SocketAddresses> addresses = ReadSocketAddresses(socket.get());
      file.socket = addresses.ok();
      if (addresses.ok()) {
        file.address = std::move(addresses->address);
        file.peer = std::move(addresses->peer);
      }
    }
  }
  return file;
}

}  // namespace pysnap
