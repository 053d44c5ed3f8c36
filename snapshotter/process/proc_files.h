// Small files of /proc.
#ifndef PYSNAP_PROCESS_PROC_FILES_H_
#define PYSNAP_PROCESS_PROC_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// The error for a failed system call on a process's files: NotFound for ENOENT and ESRCH (it is gone),
// PermissionDenied for EACCES and EPERM, Internal otherwise. `what` says what failed.
absl::Status ProcError(int error_number, absl::string_view what);

// Opens /proc/PID. Files opened below it belong to this very process, even when its id is used again.
absl::StatusOr<UniqueFd> OpenProcDir(pid_t pid);

// The whole content of a file below `dir`, as far as `limit` bytes.
absl::StatusOr<std::string> ReadFileAt(int dir, const char* name, size_t limit);

// Where a link below `dir` points to.
absl::StatusOr<std::string> ReadLinkAt(int dir, const char* name);

// What follows "`key`:" in the text of a status file, without blanks around; empty when it is not there.
absl::string_view StatusField(absl::string_view status, absl::string_view key);

// How a descriptor is open: O_RDONLY, O_WRONLY or O_RDWR; nothing where it is for neither, or not open. `fd_dir`:
// /proc/PID/fd, opened.
std::optional<int> AccessModeOf(int fd_dir, int32_t fd);

// The parts of /proc/PID/stat that matter here.
struct ProcStat {
  char state = '?';
  bool kernel_thread = false;
  // The data of the program that was executed, and where its first stack begins (with its arguments, at the top of it);
  // 0 when the kernel does not tell.
  uint64_t data_begin = 0;
  uint64_t data_end = 0;
  uint64_t stack_begin = 0;
};
absl::StatusOr<ProcStat> ReadProcStat(int proc_dir);

// The numbers that are names in a directory, opened, which is read from its start: the thread ids in /proc/PID/task.
absl::Status ListTids(int task_dir, std::vector<pid_t>& tids);

// Name and native id of a thread. Its tid stands for what cannot be read: it is gone, or going.
// `same_pid_namespace`: the target's ids are ours.
KernelThread ReadKernelThread(int task_dir, pid_t tid, bool same_pid_namespace);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_PROC_FILES_H_
