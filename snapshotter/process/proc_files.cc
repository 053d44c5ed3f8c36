#include "snapshotter/process/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {

absl::Status ProcError(int error_number, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error_number));
  switch (error_number) {
    case ENOENT:
    case ESRCH:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::StatusOr<UniqueFd> OpenProcDir(pid_t pid) {
  UniqueFd dir(open(absl::StrFormat("/proc/%d", pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.ok()) return dir;
  const int error = errno;
  if (error == ENOENT && access("/proc/self/stat", R_OK) != 0) {
    return absl::FailedPreconditionError("/proc is not mounted here");
  }
  if (error == ENOENT) return absl::NotFoundError(absl::StrFormat("there is no process %d", pid));
  return ProcError(error, absl::StrFormat("/proc/%d", pid));
}

absl::StatusOr<std::string> ReadFileAt(int dir, const char* name, size_t limit) {
  const UniqueFd file(openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return ProcError(errno, name);
  std::string text;
  while (text.size() < limit) {
    const size_t old_size = text.size();
    const size_t chunk = std::min(limit - old_size, std::max<size_t>(old_size, 4096));
    text.resize(old_size + chunk);
    const ssize_t got = read(file.get(), text.data() + old_size, chunk);
    text.resize(old_size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) break;
    if (got < 0 && errno != EINTR) return ProcError(errno, name);
  }
  return text;
}

absl::StatusOr<std::string> ReadLinkAt(int dir, const char* name) {
  std::array<char, PATH_MAX> buffer;
  const ssize_t size = readlinkat(dir, name, buffer.data(), buffer.size());
  if (size < 0) return ProcError(errno, name);
  return std::string(buffer.data(), static_cast<size_t>(size));
}

absl::string_view StatusField(absl::string_view status, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (line.size() > key.size() && line.substr(0, key.size()) == key && line[key.size()] == ':') {
      return absl::StripAsciiWhitespace(line.substr(key.size() + 1));
    }
  }
  return {};
}

std::optional<int> AccessModeOf(int fd_dir, int32_t fd) {
  // tid_fd_update_inode in fs/proc/fd.c.
  struct statx link = {};
  if (statx(fd_dir, absl::StrCat(fd).c_str(), AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_MODE, &link) != 0) {
    return std::nullopt;
  }
  const bool reads = (link.stx_mode & S_IRUSR) != 0;
  const bool writes = (link.stx_mode & S_IWUSR) != 0;
  if (!reads && !writes) return std::nullopt;
  return reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
}

absl::StatusOr<ProcStat> ReadProcStat(int proc_dir) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(proc_dir, "stat", 4096));
  // "1234 (any) thing) S 1 …": the name, in parentheses, may hold anything; what follows it does not.
  const size_t end = text.rfind(')');
  if (end == std::string::npos) return absl::DataLossError("stat is not understood");
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(text).substr(end + 1), ' ', absl::SkipWhitespace());
  ProcStat stat;
  uint32_t flags = 0;
  if (fields.size() < 7 || fields[0].size() != 1 || !absl::SimpleAtoi(fields[6], &flags)) {
    return absl::DataLossError("stat is not understood");
  }
  constexpr uint32_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h
  stat.state = fields[0][0];
  stat.kernel_thread = (flags & kKernelThread) != 0;
  // Fields are counted from 1 (man 5 proc); the first here is the third.
  const auto number = [&](size_t field, uint64_t& value) {
    if (fields.size() <= field - 3 || !absl::SimpleAtoi(fields[field - 3], &value)) value = 0;
  };
  number(28, stat.stack_begin);
  number(45, stat.data_begin);
  number(46, stat.data_end);
  return stat;
}

absl::Status ListTids(int task_dir, std::vector<pid_t>& tids) {
  tids.clear();
  if (lseek(task_dir, 0, SEEK_SET) < 0) return ProcError(errno, "task");
  alignas(dirent64) std::array<char, 32768> buffer;
  while (true) {
    const ssize_t size = getdents64(task_dir, buffer.data(), buffer.size());
    if (size < 0) return ProcError(errno, "task");
    if (size == 0) return absl::OkStatus();
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      pid_t tid;
      if (absl::SimpleAtoi(static_cast<const char*>(entry->d_name), &tid)) tids.push_back(tid);
      at += entry->d_reclen;
    }
  }
}

KernelThread ReadKernelThread(int task_dir, pid_t tid, bool same_pid_namespace) {
  KernelThread info{.tid = tid, .native_id = tid, .name = {}};
  auto name = ReadFileAt(task_dir, absl::StrFormat("%d/comm", tid).c_str(), 64);
  if (name.ok()) {
    if (!name->empty() && name->back() == '\n') name->pop_back();
    info.name = *std::move(name);
  }
  if (same_pid_namespace) return info;
  const auto status = ReadFileAt(task_dir, absl::StrFormat("%d/status", tid).c_str(), 65536);
  if (!status.ok()) return info;
  // One id for each namespace, from ours inwards; the last is that of the thread's own.
  const std::vector<absl::string_view> ids =
      absl::StrSplit(StatusField(*status, "NSpid"), absl::ByAnyChar(" \t"), absl::SkipWhitespace());
  pid_t native_id;
  if (!ids.empty() && absl::SimpleAtoi(ids.back(), &native_id)) info.native_id = native_id;
  return info;
}

}  // namespace pysnap
