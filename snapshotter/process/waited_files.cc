#include "snapshotter/process/waited_files.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

// The kernel writes out all registrations of an epoll before it gives any of them, some 2 µs for each. Of a process
// with more descriptors than this they are not asked for while it stands still.
constexpr uint64_t kMaxOpen = 2048;
constexpr size_t kMaxRegistrations = size_t{512} << 10;  // bytes of text: more than that many can have
constexpr int kMinorBits = 20;                           // MINORBITS, include/linux/kdev_t.h: as fdinfo has devices
constexpr char kDeleted[] = " (deleted)";

absl::Status Problem(absl::string_view why) { return absl::OutOfRangeError(std::string(why.data(), why.size())); }

struct NamedKind {
  const char* link;
  FileKind kind;
};
// What fs/anon_inodes.c and its callers call them; with "anon_inode:" before it.
constexpr NamedKind kAnonymous[] = {
    {"[eventpoll]", FileKind::kEpoll},   {"[eventfd]", FileKind::kEventFd}, {"[timerfd]", FileKind::kTimerFd},
    {"[signalfd]", FileKind::kSignalFd}, {"inotify", FileKind::kInotify},   {"[inotify]", FileKind::kInotify},
    {"[pidfd]", FileKind::kPidFd},
};

FileKind KindOf(absl::string_view link, uint16_t mode) {
  if (absl::ConsumePrefix(&link, "anon_inode:")) {
    for (const NamedKind& each : kAnonymous) {
      if (link == each.link) return each.kind;
    }
    return FileKind::kOther;
  }
  if (absl::StartsWith(link, "pidfd:")) return FileKind::kPidFd;  // from Linux 6.9 on
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FileKind::kRegular;
    case S_IFDIR:
      return FileKind::kDirectory;
    case S_IFCHR:
      return FileKind::kCharacterDevice;
    case S_IFBLK:
      return FileKind::kBlockDevice;
    case S_IFIFO:
      return FileKind::kPipe;
    case S_IFSOCK:
      return FileKind::kSocket;
    default:
      return FileKind::kOther;
  }
}

}  // namespace

// One line of an epoll's fdinfo.
struct WaitedFiles::Registered {
  int32_t fd = -1;
  uint32_t events = 0;
  uint32_t place = 0;  // among those of the same number
  uint64_t inode = 0;
  uint64_t device = 0;
  bool has_inode = false;  // from Linux 4.13 on

  // "tfd:        5 events:       19 data:                5  pos:0 ino:2b sdev:8" (ep_show_fdinfo in fs/eventpoll.c).
  static std::optional<Registered> Parse(absl::string_view line) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" :"), absl::SkipWhitespace());
    Registered out;
    if (words.size() < 4 || words[0] != "tfd" || !absl::SimpleAtoi(words[1], &out.fd) || words[2] != "events" ||
        !absl::SimpleHexAtoi(words[3], &out.events)) {
      return std::nullopt;
    }
    bool inode = false, device = false;
    for (size_t i = 4; i + 1 < words.size(); i += 2) {
      if (words[i] == "ino") inode = absl::SimpleHexAtoi(words[i + 1], &out.inode);
      if (words[i] == "sdev") device = absl::SimpleHexAtoi(words[i + 1], &out.device);
    }
    out.has_inode = inode && device;
    return out;
  }
};

absl::Status TooManyWaitedFiles() {
  return absl::ResourceExhaustedError(
      absl::StrCat("no more than ", WaitedFiles::kMaxFiles, " descriptors are looked at"));
}

void WaitedFiles::Read(absl::Span<const int32_t> fds) {
  files_.clear();
  taken_ = 0;
  registered_ = 0;
  can_list_.reset();
  has_ends_ = false;
  // First of all what threads wait for themselves.
  std::vector<int32_t> epolls;
  for (const int32_t fd : fds) {
    if (taken_ == kMaxFiles) break;
    std::vector<WaitedFile>& files = files_[fd];
    if (!files.empty()) continue;
    files.push_back(Describe(fd));
    if (files.front().kind == FileKind::kEpoll) epolls.push_back(fd);
  }
  for (const int32_t fd : epolls) {
    std::vector<WaitedFile>& files = files_[fd];
    absl::flat_hash_set<int32_t> seen;
    for (size_t i = 0; i < files.size(); ++i) {
      const bool certain = files[i].kind == FileKind::kEpoll && files[i].problem.ok();
      if (certain && seen.insert(files[i].fd).second) AddRegistered(i, files);
    }
  }
  pidfd_.reset();
}

void WaitedFiles::CannotRead(absl::Span<const int32_t> fds, const absl::Status& why) {
  files_.clear();
  has_ends_ = true;
  for (const int32_t fd : fds) {
    WaitedFile file;
    file.fd = fd;
    file.problem = why;
    files_[fd].assign(1, file);
  }
}

absl::Span<const WaitedFile> WaitedFiles::Of(int32_t fd) const {
  const auto found = files_.find(fd);
  return found == files_.end() ? absl::Span<const WaitedFile>() : absl::MakeConstSpan(found->second);
}

WaitedFile WaitedFiles::Describe(int32_t fd) {
  WaitedFile file;
  file.fd = fd;
  if (fd < 0) {
    file.problem = Problem("it is no number of a descriptor");
    return file;
  }
  if (taken_ == kMaxFiles) {
    file.problem = TooManyWaitedFiles();
    return file;
  }
  ++taken_;
  const std::string name = absl::StrCat("fd/", fd);
  struct statx status = {};
  if (statx(target_.living_dir(), name.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
            STATX_TYPE | STATX_INO | STATX_NLINK, &status) != 0) {
    file.problem = Problem(errno == ENOENT ? "it is not open" : std::strerror(errno));
    return file;
  }
  const absl::StatusOr<std::string> link = ReadLinkAt(target_.living_dir(), name.c_str());
  if (!link.ok()) {
    file.problem = Problem(link.status().message());
    return file;
  }
  file.kind = KindOf(*link, status.stx_mode);
  if (absl::StartsWith(*link, "/")) {
    absl::string_view path = *link;
    // Of one that has other names left, this may be a part of its name.
    file.deleted = status.stx_nlink == 0 && absl::ConsumeSuffix(&path, kDeleted);
    file.path = target_.InTargetsRoot(std::string(path.data(), path.size()));
  } else if (file.kind == FileKind::kOther) {
    file.path = *link;
  }
  if (file.kind == FileKind::kSocket) DescribeSocket(file);
  if (file.kind == FileKind::kPidFd) DescribePidfd(file);
  if (file.kind == FileKind::kPipe) {
    DescribePipe(makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino, *link, file);
  }
  return file;
}

void WaitedFiles::DescribeSocket(WaitedFile& file) {
  if (!pidfd_.ok()) pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, target_.pid(), 0)));
  // A second descriptor of the same socket, for a moment. The target has the first one, so that closing ours does
  // nothing to it.
  const UniqueFd socket(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd_.get(), file.fd, 0)));
  if (!socket.ok()) {
    file.problem = Problem(absl::StrCat("pidfd_getfd: ", std::strerror(errno)));
    return;
  }
  absl::StatusOr<SocketFacts> facts = ReadSocketFacts(socket.get());
  if (!facts.ok()) {
    file.problem = facts.status();
    return;
  }
  file.socket = *std::move(facts);
}

void WaitedFiles::DescribePidfd(WaitedFile& file) {
  absl::StatusOr<PidfdFacts> facts = ReadPidfdFacts(target_.living_dir(), file.fd);
  if (!facts.ok()) {
    file.problem = Problem(facts.status().message());
    return;
  }
  file.process = *std::move(facts);
}

void WaitedFiles::DescribePipe(uint64_t device, uint64_t inode, const std::string& link, WaitedFile& file) {
  const UniqueFd fd_dir(openat(target_.living_dir(), "fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::optional<int> mode = AccessModeOf(fd_dir.get(), file.fd);
  if (!mode.has_value()) {
    file.other_ends.problem = Problem("which end it is could not be read");
    return;
  }
  file.pipe = PipeIdentity{
      .device = device, .inode = inode, .link = link, .reads = *mode != O_WRONLY, .writes = *mode != O_RDONLY};
}

const absl::Status& WaitedFiles::CanListRegistered() {
  if (can_list_.has_value()) return *can_list_;
  // From Linux 6.2 on the size of the folder is how many are open; before that FDSize bounds it.
  struct statx status = {};
  uint64_t count = 0;
  if (statx(target_.living_dir(), "fd", AT_STATX_DONT_SYNC, STATX_SIZE, &status) == 0) count = status.stx_size;
  if (count == 0) {
    const auto text = ReadFileAt(target_.living_dir(), "status", size_t{64} << 10);
    if (!text.ok() || !absl::SimpleAtoi(StatusField(*text, "FDSize"), &count)) count = kMaxOpen + 1;
  }
  can_list_ = count <= kMaxOpen
                  ? absl::OkStatus()
                  : absl::ResourceExhaustedError(absl::StrCat(
                        "what is registered is not read of a process with more than ", kMaxOpen, " descriptors"));
  return *can_list_;
}

void WaitedFiles::AddRegistered(size_t epoll, std::vector<WaitedFile>& files) {
  const int32_t epoll_fd = files[epoll].fd;
  if (!CanListRegistered().ok()) {
    files[epoll].problem = CanListRegistered();
    return;
  }
  if (registered_ >= kMaxOpen) {
    files[epoll].problem = absl::ResourceExhaustedError(absl::StrCat("others have ", registered_, " registered"));
    return;
  }
  const auto info = ReadFileAt(target_.living_dir(), absl::StrCat("fdinfo/", epoll_fd).c_str(), kMaxRegistrations);
  if (!info.ok()) {
    files[epoll].problem = Problem(info.status().message());
    return;
  }
  absl::flat_hash_map<int32_t, uint32_t> places;
  for (absl::string_view line : absl::StrSplit(*info, '\n')) {
    std::optional<Registered> registered = Registered::Parse(line);
    if (!registered.has_value()) continue;
    ++registered_;
    registered->place = places[registered->fd]++;
    WaitedFile file = Describe(registered->fd);
    const absl::Status same = CheckSame(epoll_fd, *registered, file);
    if (!same.ok()) {
      file = WaitedFile();
      file.fd = registered->fd;
      file.problem = same;
    }
    file.epoll = epoll_fd;
    file.events = registered->events;
    files.push_back(std::move(file));
  }
  if (info->size() >= kMaxRegistrations) {
    files[epoll].problem = absl::ResourceExhaustedError("more is registered than is read");
  }
}

absl::Status WaitedFiles::CheckSame(int32_t epoll, const Registered& registered, const WaitedFile& file) const {
  // Nothing was asked, or there is nothing to be mistaken for.
  if (file.kind == FileKind::kUnknown) return absl::OkStatus();
  const absl::Status other = absl::DataLossError("its number stands for another file than the one that is registered");
  // A file stays registered as long as anybody has it open, under the number that it was registered by.
  kcmp_epoll_slot slot = {
      .efd = static_cast<uint32_t>(epoll), .tfd = static_cast<uint32_t>(registered.fd), .toff = registered.place};
  const pid_t tid = target_.living_tid();
  const int64_t order = syscall(SYS_kcmp, tid, tid, KCMP_EPOLL_TFD, registered.fd, &slot);
  if (order >= 0) return order == 0 ? absl::OkStatus() : other;
  const absl::Status unsure = absl::FailedPreconditionError(
      absl::StrCat("whether its number stands for what is registered: kcmp: ", std::strerror(errno)));
  if (!registered.has_inode) return unsure;
  struct statx status = {};
  if (statx(target_.living_dir(), absl::StrCat("fd/", file.fd).c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO,
            &status) != 0) {
    return Problem(std::strerror(errno));
  }
  if (status.stx_ino != registered.inode ||
      (uint64_t{status.stx_dev_major} << kMinorBits | status.stx_dev_minor) != registered.device) {
    return other;
  }
  // Every file of no file system has one and the same inode; a pipe or socket has its own.
  const bool own_inode = file.kind == FileKind::kPipe || file.kind == FileKind::kSocket;
  return own_inode ? absl::OkStatus() : unsure;
}

void WaitedFiles::FindPipeEnds() {
  if (has_ends_) return;
  has_ends_ = true;
  std::vector<PipeIdentity> pipes;
  std::vector<WaitedFile*> holders;
  for (auto& [fd, files] : files_) {
    for (WaitedFile& file : files) {
      if (!file.pipe.has_value()) continue;
      pipes.push_back(*file.pipe);
      holders.push_back(&file);
    }
  }
  std::vector<PipeEnds> found = pysnap::FindPipeEnds(pipes);
  for (size_t i = 0; i < holders.size(); ++i) holders[i]->other_ends = std::move(found[i]);
}

}  // namespace pysnap
