#include "snapshotter/process/live_target.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/hostname.h"
#include "snapshotter/process/maps.h"
#include "snapshotter/process/permission.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

// The kernel bounds the number of mappings (vm.max_map_count) but lets it be raised; each line may hold a long path.
constexpr size_t kMaxMapsText = size_t{256} << 20;
constexpr size_t kMaxCommandLine = size_t{4} << 20;
constexpr size_t kMaxAuxiliaryVector = 4096;
constexpr uint64_t kPageSize = 4096;

absl::StatusOr<bool> SameNamespace(int proc_dir, const char* name) {
  struct stat ours, theirs;
  if (fstatat(proc_dir, name, &theirs, 0) != 0) return ProcError(errno, name);
  if (stat(absl::StrCat("/proc/self/", name).c_str(), &ours) != 0) return ProcError(errno, name);
  return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

// Opens for reading what an O_PATH descriptor stands for, if it is a regular file: opening anything else may block,
// or do things (devices).
absl::StatusOr<UniqueFd> Reopen(const UniqueFd& path_fd) {
  struct stat info;
  if (fstat(path_fd.get(), &info) != 0) return ProcError(errno, "fstat");
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError("not a regular file");
  UniqueFd file(
      open(absl::StrFormat("/proc/self/fd/%d", path_fd.get()).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.ok()) return ProcError(errno, "open");
  return file;
}

// True when the file is the one that was mapped. The device is no criterion: btrfs and overlayfs give another one in
// stat than in /proc/PID/maps.
bool IsMapped(const UniqueFd& file, const Mapping& mapping) {
  struct stat info;
  return fstat(file.get(), &info) == 0 && info.st_ino == mapping.inode;
}

// While a process executes another program, what is in its /proc/PID may be missing for a moment.
constexpr int kMaxAttempts = 20;

bool IsAlive(pid_t pid) {
  const absl::StatusOr<UniqueFd> proc_dir = OpenProcDir(pid);
  if (!proc_dir.ok()) return false;
  const absl::StatusOr<ProcStat> stat = ReadProcStat(proc_dir->get());
  return stat.ok() && stat->state != 'Z' && stat->state != 'X';
}

}  // namespace

absl::StatusOr<std::unique_ptr<LiveTarget>> LiveTarget::Open(pid_t pid) {
  if (pid <= 0) return absl::NotFoundError(absl::StrFormat("there is no process %d", pid));
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<std::unique_ptr<LiveTarget>> target = TryOpen(pid);
    if (!absl::IsNotFound(target.status()) || attempt == kMaxAttempts || !IsAlive(pid)) return target;
  }
}

absl::StatusOr<std::unique_ptr<LiveTarget>> LiveTarget::TryOpen(pid_t pid) {
  ASSIGN_OR_RETURN(UniqueFd proc_dir, OpenProcDir(pid));
  std::unique_ptr<LiveTarget> target(new LiveTarget(pid, std::move(proc_dir)));
  RETURN_IF_ERROR(target->CheckKind());
  absl::Status status = target->FindLivingThread();
  if (status.ok()) status = target->ReadInfo();
  if (status.ok()) status = target->RefreshMappings();
  if (absl::IsPermissionDenied(status)) return RefusedError(pid);
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(absl::StrFormat("process %d ended while it was being opened", pid));
  }
  RETURN_IF_ERROR(status);
  return target;
}

absl::Status LiveTarget::CheckKind() {
  if (pid_ == getpid()) return absl::FailedPreconditionError("pysnap cannot take a snapshot of itself");
  ASSIGN_OR_RETURN(const std::string status, ReadFileAt(proc_dir_.get(), "status", 65536));
  pid_t process = 0;
  if (absl::SimpleAtoi(StatusField(status, "Tgid"), &process) && process != pid_) {
    return absl::NotFoundError(
        absl::StrFormat("%d is a thread of process %d, not a process: use %d", pid_, process, process));
  }
  ASSIGN_OR_RETURN(const ProcStat stat, ReadProcStat(proc_dir_.get()));
  if (stat.kernel_thread) {
    return absl::FailedPreconditionError(absl::StrFormat("%d is a thread of the kernel, not a program", pid_));
  }
  return absl::OkStatus();
}

// The first thread may end before the others do. It is a zombie then, through which nothing can be read, while any
// other thread serves as well as it would.
absl::Status LiveTarget::FindLivingThread() {
  ASSIGN_OR_RETURN(ProcStat stat, ReadProcStat(proc_dir_.get()));
  if (stat.state == 'Z' || stat.state == 'X') {
    memory_pid_ = 0;
    std::vector<pid_t> tids;
    const UniqueFd task_dir(openat(proc_dir_.get(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!task_dir.ok()) return ProcError(errno, "task");
    RETURN_IF_ERROR(ListTids(task_dir.get(), tids));
    for (const pid_t tid : tids) {
      const UniqueFd thread_dir(openat(task_dir.get(), absl::StrCat(tid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const auto thread_stat = ReadProcStat(thread_dir.get());
      if (thread_stat.ok() && thread_stat->state != 'Z' && thread_stat->state != 'X') memory_pid_ = tid;
    }
    if (memory_pid_ == 0) {
      return absl::FailedPreconditionError(
          absl::StrFormat("process %d is a zombie: it has ended, only its parent has not waited for it yet", pid_));
    }
  }
  ASSIGN_OR_RETURN(memory_dir_, OpenProcDir(memory_pid_));
  memory_.Retarget(memory_pid_);
  address_space_.reset(openat(memory_dir_.get(), "mem", O_RDONLY | O_CLOEXEC));
  if (!address_space_.ok()) return ProcError(errno, "mem");
  ASSIGN_OR_RETURN(auxiliary_vector_, ReadFileAt(memory_dir_.get(), "auxv", kMaxAuxiliaryVector));
  return absl::OkStatus();
}

absl::Status LiveTarget::CheckOwnMemory() const {
  const absl::StatusOr<std::string> status = ReadFileAt(proc_dir_.get(), "status", 1 << 16);
  pid_t parent = 0;
  if (!status.ok() || !absl::SimpleAtoi(StatusField(*status, "PPid"), &parent) || parent <= 0) return absl::OkStatus();
  // Where it cannot be told (the parent is another user's) it is taken for what nearly every process is.
  if (syscall(SYS_kcmp, pid_, parent, KCMP_VM, 0, 0) != 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "process %d executes no program of its own yet and uses the memory of its parent: attach to %d", pid_, parent));
}

absl::Status LiveTarget::CheckSameProgram() {
  // Reading an address space that nobody uses any more gives nothing, and no error (fs/proc/base.c, mem_rw). A child of
  // vfork() leaves one behind that its parent uses: the new one has other random addresses.
  char byte;
  const Mapping& first = mappings_.front();
  const ssize_t size = pread(address_space_.get(), &byte, 1, static_cast<off_t>(first.range.begin.value()));
  const absl::StatusOr<std::string> auxv = ReadFileAt(memory_dir_.get(), "auxv", kMaxAuxiliaryVector);
  if (size != 0 && (!auxv.ok() || *auxv == auxiliary_vector_)) return absl::OkStatus();
  if (absl::IsNotFound(ReadFileAt(proc_dir_.get(), "stat", 4096).status())) {
    return absl::NotFoundError(absl::StrFormat("process %d has ended", pid_));
  }
  return absl::AbortedError(absl::StrFormat("process %d has just executed another program: try again", pid_));
}

absl::Status LiveTarget::ReadInfo() {
  info_.pid = pid_;
  const int dir = memory_dir_.get();
  ASSIGN_OR_RETURN(const std::string command_line, ReadFileAt(dir, "cmdline", kMaxCommandLine));
  absl::string_view arguments = command_line;
  if (absl::EndsWith(arguments, absl::string_view("\0", 1))) arguments.remove_suffix(1);
  if (!arguments.empty()) info_.argv = absl::StrSplit(arguments, '\0');
  if (auto root = ReadLinkAt(dir, "root"); root.ok()) root_ = *std::move(root);
  ASSIGN_OR_RETURN(const std::string executable, ReadLinkAt(dir, "exe"));
  info_.executable = InTargetsRoot(std::string(absl::StripSuffix(executable, " (deleted)")));
  if (auto cwd = ReadLinkAt(dir, "cwd"); cwd.ok()) {
    info_.cwd = InTargetsRoot(std::string(absl::StripSuffix(*cwd, " (deleted)")));
  }
  ASSIGN_OR_RETURN(same_pid_namespace_, SameNamespace(dir, "ns/pid"));
  info_.hostname = HostnameOf(dir);
  return absl::OkStatus();
}

absl::Status LiveTarget::RefreshMappings() {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(memory_dir_.get(), "maps", kMaxMapsText));
  std::vector<Mapping> mappings = ParseMaps(text);
  if (mappings.empty()) return absl::NotFoundError(absl::StrFormat("process %d is gone", pid_));
  for (Mapping& mapping : mappings) mapping.path = InTargetsRoot(mapping.path);
  mappings_ = std::move(mappings);
  return absl::OkStatus();
}

// /proc shows paths from our root on, or, for another mount namespace, from that namespace's: in both cases the
// target's own root directory stands before what the target itself would say.
std::string LiveTarget::InTargetsRoot(const std::string& path) const {
  if (root_.size() <= 1 || path.empty() || path[0] != '/') return path;
  if (path == root_) return "/";
  if (absl::StartsWith(path, root_) && path[root_.size()] == '/') return path.substr(root_.size());
  return path;
}

absl::StatusOr<UniqueFd> LiveTarget::OpenBelow(const std::string& root, const std::string& path) const {
  const UniqueFd root_dir(openat(memory_dir_.get(), root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_dir.ok()) return ProcError(errno, "root");
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  // Links in the path are followed as the target would: an absolute one must not lead into our own root.
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd file(static_cast<int>(syscall(SYS_openat2, root_dir.get(), path.c_str(), &how, sizeof(how))));
  if (!file.ok() && (errno == ENOSYS || errno == EPERM)) {
    // Before Linux 5.6, or under an old seccomp filter. It is only safe when there is but one root.
    struct stat theirs, ours;
    if (fstat(root_dir.get(), &theirs) != 0 || stat("/", &ours) != 0 || theirs.st_ino != ours.st_ino ||
        theirs.st_dev != ours.st_dev) {
      return absl::UnimplementedError("openat2 is needed to open files of a process with another root directory");
    }
    file.reset(open(path.c_str(), O_PATH | O_CLOEXEC));
  }
  if (!file.ok()) return ProcError(errno, path);
  return Reopen(file);
}

absl::StatusOr<UniqueFd> LiveTarget::OpenPath(const std::string& path) {
  // The kernel would end the path at a NUL, and open something else.
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("not an absolute path");
  }
  return OpenBelow("root", path);
}

absl::StatusOr<UniqueFd> LiveTarget::OpenMapping(const Mapping& mapping) {
  if (mapping.inode == 0) return absl::NotFoundError("no file is mapped there");
  // The file itself, whatever became of its name. Refused to those who are not root.
  const std::string by_address =
      absl::StrFormat("map_files/%x-%x", mapping.range.begin.value(), mapping.range.end().value());
  const UniqueFd mapped(openat(memory_dir_.get(), by_address.c_str(), O_PATH | O_CLOEXEC));
  if (mapped.ok() && IsMapped(mapped, mapping)) {
    absl::StatusOr<UniqueFd> file = Reopen(mapped);
    if (file.ok()) return file;
  }
  if (mapping.path.empty() || mapping.path[0] != '/' || mapping.path.find('\0') != std::string::npos) {
    return absl::NotFoundError("the mapped file has no name");
  }
  std::vector<std::string> paths = {mapping.path};
  if (mapping.deleted) paths.push_back(mapping.path + " (deleted)");  // perhaps that is its name
  for (const std::string& path : paths) {
    absl::StatusOr<UniqueFd> file = OpenBelow("root", path);
    if (file.ok() && IsMapped(*file, mapping)) return file;
    // Mapped before the target changed its root, or by whoever started it.
    const UniqueFd outside(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!outside.ok() || !IsMapped(outside, mapping)) continue;
    file = Reopen(outside);
    if (file.ok()) return file;
  }
  return absl::NotFoundError(absl::StrCat("the mapped file ", mapping.path,
                                          " cannot be opened, or is another one by now; as root it would be found"));
}

absl::StatusOr<std::vector<KernelThread>> LiveTarget::ListThreads() {
  const UniqueFd task_dir(openat(proc_dir_.get(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!task_dir.ok()) return ProcError(errno, "task");
  std::vector<pid_t> tids;
  RETURN_IF_ERROR(ListTids(task_dir.get(), tids));
  // The kernel lists the first thread first.
  std::vector<KernelThread> threads;
  threads.reserve(tids.size());
  for (const pid_t tid : tids) threads.push_back(ReadKernelThread(task_dir.get(), tid, same_pid_namespace_));
  return threads;
}

PagePresence LiveTarget::presence() {
  auto pagemap = std::make_shared<UniqueFd>(openat(memory_dir_.get(), "pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap->ok() || sysconf(_SC_PAGESIZE) != static_cast<long>(kPageSize)) return nullptr;
  return [pagemap](Address first_page) -> uint64_t {
    // One word a page, its highest bit for "present" (Documentation/admin-guide/mm/pagemap.rst).
    std::array<uint64_t, 64> words{};
    const uint64_t offset = first_page.value() / kPageSize * sizeof(uint64_t);
    const ssize_t size = pread(pagemap->get(), words.data(), sizeof(words), static_cast<off_t>(offset));
    uint64_t present = 0;
    for (size_t i = 0; i < words.size() && static_cast<ssize_t>((i + 1) * sizeof(uint64_t)) <= size; ++i) {
      present |= (words[i] >> 63) << i;
    }
    return present;
  };
}

}  // namespace pysnap
