#include "snapshotter/process/forked_copy.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/injected_syscall.h"
#include "snapshotter/process/proc_files.h"
#include "snapshotter/process/stopper.h"

namespace pysnap {
namespace {

// What the tracer tells its parent: one Announcement, with the copy's memory as a file descriptor, and then so many
// threads. Both ends are the same program, so that plain structs do.
struct Announcement {
  int code = 0;  // absl::StatusCode
  char message[600] = {};
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  uint64_t threads = 0;
};
struct ThreadRecord {
  pid_t tid = 0;
  pid_t native_id = 0;
  bool stopped = false;
  bool has_registers = false;
  Registers registers;
  char name[32] = {};
  char reason[160] = {};
};
static_assert(std::is_trivially_copyable_v<Announcement> && std::is_trivially_copyable_v<ThreadRecord>);

void CopyText(absl::string_view text, absl::Span<char> out) {
  const size_t size = std::min(text.size(), out.size() - 1);
  if (size > 0) std::memcpy(out.data(), text.data(), size);
  out[size] = '\0';
}

bool SendAll(int socket, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool ReceiveAll(int socket, void* data, size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

// Sends the announcement, with a file descriptor if there is one.
bool Announce(int socket, const Announcement& announcement, int fd) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part = {const_cast<Announcement*>(&announcement), sizeof(announcement)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(announcement));
}

bool ReceiveAnnouncement(int socket, Announcement& announcement, UniqueFd& memory) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part = {&announcement, sizeof(announcement)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size;
  do {
    size = recvmsg(socket, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size != static_cast<ssize_t>(sizeof(announcement))) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    memory.reset(fd);
  }
  return true;
}

// ---------------------------------------------------------------- the tracer's side

struct Copy {
  pid_t pid = 0;        // as we see it
  pid_t native_id = 0;  // as its parent, the target, sees it
};

absl::Status CheckNoSeccomp(const LiveTarget& target, pid_t tid) {
  const std::string path = absl::StrFormat("task/%d/status", tid);
  ASSIGN_OR_RETURN(const std::string status, ReadFileAt(target.proc_dir(), path.c_str(), 65536));
  if (StatusField(status, "Seccomp") == "0") return absl::OkStatus();
  return absl::AbortedError(absl::StrFormat(
      "process %d runs under a seccomp filter, which may kill it for being copied: use --pause stop", target.pid()));
}

// A thread that a call can be injected into; rather one that is in a system call than one that is computing.
absl::StatusOr<pid_t> ChooseThread(LiveTarget& target, const Stopper& stopper) {
  pid_t chosen = 0;
  for (const pid_t tid : stopper.QuietThreads()) {
    bool blocked = false;
    const absl::StatusOr<bool> can = CanInject(target, tid, blocked);
    if (!can.ok() || !*can) continue;
    RETURN_IF_ERROR(CheckNoSeccomp(target, tid));
    if (blocked) return tid;
    chosen = tid;
  }
  if (chosen != 0) return chosen;
  return absl::AbortedError(absl::StrFormat(
      "no thread of process %d can be made to copy it now (it is stopped, or busy with signals): use --pause stop",
      target.pid()));
}

absl::StatusOr<Copy> MakeCopy(LiveTarget& target, const Stopper& stopper, Address instruction) {
  ASSIGN_OR_RETURN(const pid_t tid, ChooseThread(target, stopper));
  // The table of open files is shared with the copy and not copied: what the target closes is closed.
  // There is no signal to its parent when it ends.
  InjectedSyscall call{.number = SYS_clone, .arguments = {CLONE_FILES}};
  ASSIGN_OR_RETURN(const InjectedResult result, Inject(target.pid(), tid, instruction, call));
  if (result.value < 0 || result.new_process == 0) {
    return absl::AbortedError(absl::StrFormat("the kernel refuses to copy process %d (%s): use --pause stop",
                                              target.pid(), std::strerror(static_cast<int>(-result.value))));
  }
  return Copy{.pid = result.new_process, .native_id = static_cast<pid_t>(result.value)};
}

// Ends the copy, and has the target wait for it, which would else find it among its children.
void RemoveCopy(LiveTarget& target, const Copy& copy, Address instruction) {
  kill(copy.pid, SIGKILL);
  while (waitpid(copy.pid, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  InjectedSyscall call{
      .number = SYS_wait4,
      .arguments = {static_cast<uint64_t>(copy.native_id), 0, static_cast<uint64_t>(__WALL | WNOHANG)}};
  // One thread is enough. Which can take the call shows when it is stopped; if none can, or another tracer is attached,
  // there will be a better moment.
  constexpr std::chrono::seconds kPatience(60);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < kPatience) {
    const absl::StatusOr<std::vector<KernelThread>> threads = target.ListThreads();
    if (!threads.ok()) return;  // it has ended, and with it goes the copy
    for (const KernelThread& thread : *threads) {
      Stopper stopper(target, {.uninterruptible_wait = std::chrono::milliseconds(1)});
      if (!stopper.StopOne(thread.tid).ok()) continue;
      bool blocked = false;
      for (const pid_t tid : stopper.QuietThreads()) {
        const absl::StatusOr<bool> can = CanInject(target, tid, blocked);
        if (!can.ok() || !*can) continue;
        const absl::StatusOr<InjectedResult> result = Inject(target.pid(), tid, instruction, call);
        if (result.ok() && (result->value == copy.native_id || result->value == -ECHILD)) return;
      }
    }
    const timespec moment = {.tv_sec = 0, .tv_nsec = 1'000'000};
    nanosleep(&moment, nullptr);
  }
}

absl::StatusOr<Copy> CopyStopped(LiveTarget& target,
                                 Stopper& stopper,
                                 Address instruction,
                                 std::vector<ThreadRecord>& records) {
  RETURN_IF_ERROR(stopper.Stop());
  RETURN_IF_ERROR(target.CheckSameProgram());
  for (const PausedThread& thread : stopper.threads()) {
    ThreadRecord& record = records.emplace_back();
    record.tid = thread.thread.tid;
    record.native_id = thread.thread.native_id;
    record.stopped = thread.stopped;
    CopyText(thread.thread.name, absl::MakeSpan(record.name));
    CopyText(thread.reason, absl::MakeSpan(record.reason));
    if (const auto registers = stopper.ReadRegisters(thread.thread.tid); registers.ok()) {
      record.has_registers = true;
      record.registers = *registers;
    }
  }
  return MakeCopy(target, stopper, instruction);
}

// The whole life of the tracer. Returns when all is as it was.
void Trace(LiveTarget& target, const PauseOptions& options, Address instruction, int socket) {
  Announcement announcement;
  std::vector<ThreadRecord> records;
  absl::StatusOr<Copy> copy = absl::InternalError("not copied");
  UniqueFd memory;
  {
    Stopper stopper(target, options);
    copy = CopyStopped(target, stopper, instruction, records);
    stopper.Release();
    announcement.start_ns = stopper.start_ns();
    announcement.end_ns = stopper.end_ns();
  }
  absl::Status status = copy.status();
  if (copy.ok()) {
    // Whoever has this open may read, whether the kernel would let him trace the copy or not.
    memory.reset(open(absl::StrFormat("/proc/%d/mem", copy->pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!memory.ok()) status = ProcError(errno, "the copy's memory");
  }
  announcement.code = static_cast<int>(status.code());
  CopyText(status.message(), absl::MakeSpan(announcement.message));
  announcement.threads = records.size();
  if (Announce(socket, announcement, memory.get()) &&
      SendAll(socket, records.data(), records.size() * sizeof(ThreadRecord))) {
    // Until the reader is done, or has been killed.
    char byte;
    while (recv(socket, &byte, 1, 0) < 0 && errno == EINTR) {
    }
  }
  memory.reset();
  if (copy.ok()) RemoveCopy(target, *copy, instruction);
}

// ---------------------------------------------------------------- the reader's side

class CopiedProcess : public PausedProcess {
 public:
  explicit CopiedProcess(const std::vector<ThreadRecord>& records) : records_(records) {
    for (const ThreadRecord& record : records) {
      threads_.push_back({.thread = {.tid = record.tid, .native_id = record.native_id, .name = record.name},
                          .stopped = record.stopped,
                          .reason = record.reason});
    }
  }
  const std::vector<PausedThread>& threads() const override { return threads_; }
  absl::StatusOr<Registers> ReadRegisters(pid_t tid) override {
    for (const ThreadRecord& record : records_) {
      if (record.tid == tid && record.has_registers) return record.registers;
    }
    return absl::FailedPreconditionError(absl::StrFormat("thread %d was not stopped", tid));
  }
  bool is_copy() const override { return true; }

 private:
  const std::vector<ThreadRecord>& records_;
  std::vector<PausedThread> threads_;
};

absl::StatusOr<PauseReport> ReadCopy(LiveTarget& target, int socket, const std::function<void(PausedProcess&)>& read) {
  Announcement announcement;
  UniqueFd memory;
  std::vector<ThreadRecord> records;
  bool whole = ReceiveAnnouncement(socket, announcement, memory);
  if (whole) {
    records.resize(announcement.threads);
    whole = ReceiveAll(socket, records.data(), records.size() * sizeof(ThreadRecord));
  }
  if (!whole) return absl::InternalError("the process that traces the target has died");
  if (announcement.code != 0) {
    return absl::Status(static_cast<absl::StatusCode>(announcement.code), announcement.message);
  }
  target.ReadMemoryFrom(std::move(memory));
  CopiedProcess process(records);
  read(process);
  target.ReadOwnMemory();
  return PauseReport{.threads = process.threads(), .start_ns = announcement.start_ns, .end_ns = announcement.end_ns};
}

}  // namespace

absl::StatusOr<PauseReport> ReadForkedCopy(LiveTarget& target,
                                           const PauseOptions& options,
                                           const std::function<void(PausedProcess&)>& read) {
  ASSIGN_OR_RETURN(const Address instruction, FindSyscallInstruction(target));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return ProcError(errno, "socketpair");
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t tracer = fork();
  if (tracer == 0) {
    // In a session of its own, what is sent to pysnap's group or terminal does not reach it; all else that can be
    // blocked is.
    setsid();
    prctl(PR_SET_NAME, "pysnap-tracer");
    ours.reset();
    Trace(target, options, instruction, theirs.get());
    _exit(0);
  }
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (tracer < 0) return ProcError(fork_error, "fork");
  theirs.reset();
  absl::StatusOr<PauseReport> report = ReadCopy(target, ours.get(), read);
  ours.reset();
  while (waitpid(tracer, nullptr, 0) < 0 && errno == EINTR) {
  }
  return report;
}

}  // namespace pysnap
