// What is behind a descriptor that a thread waits for, for a person or a script.
#ifndef PYSNAP_FORMAT_WAITED_FILE_VIEW_H_
#define PYSNAP_FORMAT_WAITED_FILE_VIEW_H_

#include <string>
#include <vector>

#include "proto/snapshot.pb.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// "regular file", "directory", "character device", "block device", "pipe", "socket", "epoll", "eventfd", "timerfd",
// "signalfd", "inotify", "pidfd", "other"; null when it is not known.
const char* KindName(const proto::WaitedFile& file);

// "EPOLLIN" …; a bit without a name here by its number, in hex.
std::vector<std::string> EventNames(const proto::WaitedFile& file);

// All of them in one line, those registered in an epoll behind it; harmless to a terminal. Empty where nothing is known
// beyond their numbers.
std::string DescribeFiles(const LoadedSnapshot& snapshot, const proto::Wait& wait);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_WAITED_FILE_VIEW_H_
