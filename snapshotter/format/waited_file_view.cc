#include "snapshotter/format/waited_file_view.h"

#include <sys/epoll.h>

#include <cstdint>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/socket_names.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

using proto::WaitedFile;

// In one line; a server may have thousands.
constexpr size_t kMaxDescribed = 12;

struct NamedEvent {
  uint32_t bit;
  const char* name;
};
constexpr NamedEvent kEvents[] = {
    {EPOLLIN, "EPOLLIN"},         {EPOLLPRI, "EPOLLPRI"},         {EPOLLOUT, "EPOLLOUT"},
    {EPOLLERR, "EPOLLERR"},       {EPOLLHUP, "EPOLLHUP"},         {EPOLLRDHUP, "EPOLLRDHUP"},
    {EPOLLRDNORM, "EPOLLRDNORM"}, {EPOLLRDBAND, "EPOLLRDBAND"},   {EPOLLWRNORM, "EPOLLWRNORM"},
    {EPOLLWRBAND, "EPOLLWRBAND"}, {EPOLLMSG, "EPOLLMSG"},         {EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE"},
    {EPOLLWAKEUP, "EPOLLWAKEUP"}, {EPOLLONESHOT, "EPOLLONESHOT"}, {EPOLLET, "EPOLLET"},
};

std::string SocketText(const LoadedSnapshot& snapshot, const WaitedFile& file) {
  const char* family = SocketFamilyName(file.family());
  std::string text = file.listening() ? "listening socket" : "socket";
  if (family != nullptr) absl::StrAppend(&text, " ", family);
  const std::string_view address = snapshot.string(file.address());
  const std::string_view peer = snapshot.string(file.peer());
  if (!address.empty()) absl::StrAppend(&text, " ", Harmless(address));
  if (!peer.empty()) absl::StrAppend(&text, " connected to ", Harmless(peer));
  return text;
}

std::string ProcessText(const LoadedSnapshot& snapshot, const proto::WaitedProcess& process) {
  if (process.pid() == 0) return "a process that has ended";
  const std::string name =
      absl::StrCat("process ", process.pid(), " \"", Harmless(snapshot.string(process.program())), "\"");
  return process.ended() ? name + ", which has ended" : name;
}

std::string FileText(const LoadedSnapshot& snapshot, const WaitedFile& file) {
  const char* kind = KindName(file);
  if (kind == nullptr) return Harmless(AbsentText(file.absent()));
  std::string text = file.kind() == WaitedFile::SOCKET && file.family() != 0 ? SocketText(snapshot, file) : kind;
  if (file.has_process()) absl::StrAppend(&text, " of ", ProcessText(snapshot, file.process()));
  const std::string_view path = snapshot.string(file.path());
  if (!path.empty()) absl::StrAppend(&text, " ", Harmless(path), file.deleted() ? " (deleted)" : "");
  std::vector<std::string> ends;
  for (const proto::PipeEnd& end : file.other_end()) {
    ends.push_back(absl::StrCat("process ", end.pid(), " \"", Harmless(snapshot.string(end.program())), "\""));
    if (ends.size() > 1 && ends[ends.size() - 2] == ends.back()) ends.pop_back();
  }
  if (!ends.empty()) absl::StrAppend(&text, " whose other end is held by ", absl::StrJoin(ends, ", "));
  if (file.has_absent()) absl::StrAppend(&text, " (", Harmless(AbsentText(file.absent())), ")");
  return text;
}

}  // namespace

const char* KindName(const WaitedFile& file) {
  switch (file.kind()) {
    case WaitedFile::REGULAR:
      return "regular file";
    case WaitedFile::DIRECTORY:
      return "directory";
    case WaitedFile::CHARACTER_DEVICE:
      return "character device";
    case WaitedFile::BLOCK_DEVICE:
      return "block device";
    case WaitedFile::PIPE:
      return "pipe";
    case WaitedFile::SOCKET:
      return "socket";
    case WaitedFile::EPOLL:
      return "epoll";
    case WaitedFile::EVENTFD:
      return "eventfd";
    case WaitedFile::TIMERFD:
      return "timerfd";
    case WaitedFile::SIGNALFD:
      return "signalfd";
    case WaitedFile::INOTIFY:
      return "inotify";
    case WaitedFile::PIDFD:
      return "pidfd";
    case WaitedFile::OTHER:
      return "other";
    default:
      return nullptr;
  }
}

std::vector<std::string> EventNames(const WaitedFile& file) {
  std::vector<std::string> names;
  uint32_t rest = file.events();
  for (const NamedEvent& event : kEvents) {
    if ((rest & event.bit) != 0) names.push_back(event.name);
    rest &= ~event.bit;
  }
  for (; rest != 0; rest &= rest - 1) names.push_back(absl::StrCat("0x", absl::Hex(rest & -rest)));
  return names;
}

std::string DescribeFiles(const LoadedSnapshot& snapshot, const proto::Wait& wait) {
  std::vector<std::string> texts;
  for (const WaitedFile& file : wait.file()) {
    if (texts.size() == kMaxDescribed) {
      texts.push_back(absl::StrCat("and ", wait.file_size() - static_cast<int>(kMaxDescribed), " more"));
      break;
    }
    const std::string number = wait.file_size() == 1 ? "" : absl::StrCat(file.fd(), " ");
    const std::string within = file.has_epoll() ? absl::StrCat(" in ", file.epoll()) : "";
    texts.push_back(absl::StrCat(number, FileText(snapshot, file), within));
  }
  return absl::StrJoin(texts, "; ");
}

}  // namespace pysnap::format
