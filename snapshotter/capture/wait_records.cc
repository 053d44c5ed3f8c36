#include "snapshotter/capture/wait_records.h"

#include <string>

#include "snapshotter/objects/absent.h"

namespace pysnap {
namespace {

proto::WaitedFile::Kind KindOf(FileKind kind) {
  switch (kind) {
    case FileKind::kUnknown:
      return proto::WaitedFile::UNKNOWN;
    case FileKind::kRegular:
      return proto::WaitedFile::REGULAR;
    case FileKind::kDirectory:
      return proto::WaitedFile::DIRECTORY;
    case FileKind::kCharacterDevice:
      return proto::WaitedFile::CHARACTER_DEVICE;
    case FileKind::kBlockDevice:
      return proto::WaitedFile::BLOCK_DEVICE;
    case FileKind::kPipe:
      return proto::WaitedFile::PIPE;
    case FileKind::kSocket:
      return proto::WaitedFile::SOCKET;
    case FileKind::kEpoll:
      return proto::WaitedFile::EPOLL;
    case FileKind::kEventFd:
      return proto::WaitedFile::EVENTFD;
    case FileKind::kTimerFd:
      return proto::WaitedFile::TIMERFD;
    case FileKind::kSignalFd:
      return proto::WaitedFile::SIGNALFD;
    case FileKind::kInotify:
      return proto::WaitedFile::INOTIFY;
    case FileKind::kPidFd:
      return proto::WaitedFile::PIDFD;
    case FileKind::kOther:
      return proto::WaitedFile::OTHER;
  }
  return proto::WaitedFile::UNKNOWN;
}

class Recorder {
 public:
  Recorder(GraphCrawler& crawler, proto::WaitedFile& out) : crawler_(crawler), out_(out) {}

  void Record(const WaitedFile& file) {
    out_.set_fd(file.fd);
    if (file.epoll.has_value()) out_.set_epoll(*file.epoll);
    out_.set_events(file.events);
    out_.set_kind(KindOf(file.kind));
    if (!file.problem.ok()) SetAbsent(file.problem, *out_.mutable_absent());
    out_.set_path(Text(file.path));
    out_.set_deleted(file.deleted);
    if (file.socket.has_value()) Socket(*file.socket);
    if (file.process.has_value()) {
      proto::WaitedProcess& record = *out_.mutable_process();
      record.set_pid(file.process->pid);
      record.set_program(Text(file.process->program));
      record.set_ended(file.process->ended);
    }
    for (const PipeEnd& end : file.other_ends.ends) {
      proto::PipeEnd& record = *out_.add_other_end();
      record.set_pid(end.pid);
      record.set_fd(end.fd);
      record.set_program(Text(end.program));
    }
    if (!file.other_ends.problem.ok()) SetAbsent(file.other_ends.problem, *out_.mutable_other_ends_absent());
  }

 private:
  void Socket(const SocketFacts& socket) {
    out_.set_family(socket.family);
    out_.set_type(socket.type);
    out_.set_protocol(socket.protocol);
    out_.set_listening(socket.listening);
    out_.set_address(Text(SocketAddressText(socket.addresses.address)));
    out_.set_peer(Text(SocketAddressText(socket.addresses.peer)));
  }

  uint32_t Text(const std::string& text) {
    if (text.empty()) return 0;
    if (!crawler_.IsSecretText(text)) return crawler_.String(text);
    out_.mutable_absent()->set_reason(proto::Absent::REDACTED);
    out_.mutable_absent()->set_detail("it holds a secret");
    return 0;
  }

  GraphCrawler& crawler_;
  proto::WaitedFile& out_;
};

}  // namespace

void RecordWaitedFiles(const WaitingCall& call, WaitedFiles* files, GraphCrawler& crawler, proto::Wait& wait) {
  if (files != nullptr && !call.fds.empty()) files->FindPipeEnds();
  for (const int32_t fd : call.fds) {
    wait.add_fd(fd);
    const absl::Span<const WaitedFile> found = files == nullptr ? absl::Span<const WaitedFile>() : files->Of(fd);
    for (const WaitedFile& file : found) Recorder(crawler, *wait.add_file()).Record(file);
    if (!found.empty()) continue;
    WaitedFile unknown;
    unknown.fd = fd;
    unknown.problem =
        files == nullptr ? absl::FailedPreconditionError("the kernel was not asked") : TooManyWaitedFiles();
    Recorder(crawler, *wait.add_file()).Record(unknown);
  }
}

}  // namespace pysnap
