// What the kernel knows of a process's descriptors: where in their files they stand, what sockets are connected to.
//
//   OpenFiles files(*target);
//   files.Note(3);                       // while the target may run
//   files.Prepare();                     // likewise
//   files.Read();                        // while it stands still
//   const OpenFile* file = files.Find(3);
#ifndef PYSNAP_PROCESS_OPEN_FILES_H_
#define PYSNAP_PROCESS_OPEN_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/process/live_target.h"

namespace pysnap {

struct OpenFile {
  // Why nothing else is known: OutOfRange, or what CannotRead was given.
  absl::Status problem;
  // In bytes from the beginning. None where that means nothing: in a terminal, a pipe, a socket.
  std::optional<int64_t> position;
  bool socket = false;
  // As getsockname(2) and getpeername(2) tell them, a struct sockaddr; empty: it is not connected.
  std::string address;
  std::string peer;
};

// Not thread-safe.
class OpenFiles {
 public:
  // `target` outlives it.
  explicit OpenFiles(const LiveTarget& target) : target_(target) {}

  // Read will ask for this descriptor; a number that cannot be one is passed over.
  void Note(int32_t fd);
  // Finds out which of them are sockets, so that Read need not: a program may have ten thousand.
  void Prepare();
  // Asks the kernel for all that were noted. No file is opened and no file system is asked: none can hold us.
  void Read();
  // Says of all that were noted why they are not read.
  void CannotRead(const absl::Status& why);
  // Null for one that was not noted before Read, which is remembered.
  const OpenFile* Find(int32_t fd);
  // Whether Find was asked in vain since Read.
  bool missed() const { return missed_; }

 private:
  struct Entry {
    std::optional<mode_t> type;  // as Prepare found it
    std::optional<OpenFile> file;
  };
  absl::StatusOr<mode_t> TypeOf(int32_t fd) const;
  OpenFile Ask(int32_t fd, const Entry& entry, int pidfd) const;

  const LiveTarget& target_;
  absl::flat_hash_map<int32_t, Entry> files_;
  bool missed_ = false;
};

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_OPEN_FILES_H_
