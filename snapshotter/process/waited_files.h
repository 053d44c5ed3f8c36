// What stands behind the descriptors that threads wait for, and what is registered in those that are an epoll's.
//
//   WaitedFiles files(*target);
//   files.Read({3, 7});      // while the target stands still
//   files.FindPipeEnds();    // when it runs again
//   for (const WaitedFile& file : files.Of(3)) …
#ifndef PYSNAP_PROCESS_WAITED_FILES_H_
#define PYSNAP_PROCESS_WAITED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/pidfd_facts.h"
#include "snapshotter/process/pipe_ends.h"
#include "snapshotter/process/socket_facts.h"

namespace pysnap {

enum class FileKind {
  kUnknown,
  kRegular,
  kDirectory,
  kCharacterDevice,
  kBlockDevice,
  kPipe,  // or a FIFO
  kSocket,
  kEpoll,
  kEventFd,
  kTimerFd,
  kSignalFd,
  kInotify,
  kPidFd,
  kOther,  // `path` is what the kernel calls it
};

struct WaitedFile {
  int32_t fd = -1;
  // The epoll descriptor that it is registered in, and for which events (EPOLLIN …).
  std::optional<int32_t> epoll;
  uint32_t events = 0;
  FileKind kind = FileKind::kUnknown;
  // Why the rest is not known, or not whole; of an epoll why not all that is registered follows. OutOfRange, DataLoss
  // (the number stands for another file by now), ResourceExhausted, or what CannotRead was given.
  absl::Status problem;
  // As the target sees it; what the kernel calls one of no kind known here; else empty.
  std::string path;
  bool deleted = false;
  std::optional<SocketFacts> socket;
  std::optional<PidfdFacts> process;  // of a pidfd
  // Of a pipe or FIFO.
  std::optional<PipeIdentity> pipe;
  PipeEnds other_ends;
};

// Not thread-safe.
class WaitedFiles {
 public:
  // So many are looked at while the target stands still, which takes some 10 µs each; more are told by number alone.
  static constexpr size_t kMaxFiles = 64;

  // `target` outlives it.
  explicit WaitedFiles(const LiveTarget& target) : target_(target) {}

  // Asks the kernel for these. No file is opened but of /proc, and no file system is asked: none can hold us.
  void Read(absl::Span<const int32_t> fds);
  // Says of each of these why it is not read.
  void CannotRead(absl::Span<const int32_t> fds, const absl::Status& why);
  // Looks through all processes, once after each Read, for who has the other ends of pipes.
  void FindPipeEnds();
  // The descriptor itself, then, of an epoll, what is registered in it, nested ones after the one that they are in.
  // Empty for what Read was not given, and for those beyond kMaxFiles.
  absl::Span<const WaitedFile> Of(int32_t fd) const;

 private:
  struct Registered;

  WaitedFile Describe(int32_t fd);
  void DescribeSocket(WaitedFile& file);
  void DescribePidfd(WaitedFile& file);
  void DescribePipe(uint64_t device, uint64_t inode, const std::string& link, WaitedFile& file);
  void AddRegistered(size_t epoll, std::vector<WaitedFile>& files);
  // Whether what is registered is what its number stands for now; OK, or why that is not certain.
  absl::Status CheckSame(int32_t epoll, const Registered& registered, const WaitedFile& file) const;
  // OK, or why the registrations of an epoll are not read.
  const absl::Status& CanListRegistered();

  const LiveTarget& target_;
  absl::flat_hash_map<int32_t, std::vector<WaitedFile>> files_;
  UniqueFd pidfd_;  // during Read
  size_t taken_ = 0;
  uint64_t registered_ = 0;  // of all epolls together
  std::optional<absl::Status> can_list_;
  bool has_ends_ = false;
};

// Of those beyond WaitedFiles::kMaxFiles.
absl::Status TooManyWaitedFiles();

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_WAITED_FILES_H_
