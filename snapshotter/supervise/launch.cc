#include "snapshotter/supervise/launch.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/pause.h"
#include "snapshotter/process/proc_files.h"
#include "snapshotter/process/realtime.h"

namespace pysnap {
namespace {

// What the watcher answers: a status's code and its message.
struct Answer {
  int code = 0;
  char message[1020] = {};
};

// As fork(), but the parent gets no SIGCHLD at the child's end, and only a wait with __WALL sees it.
pid_t QuietFork() { return static_cast<pid_t>(syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr)); }

template <typename T>
bool SendAll(int fd, const T& value) {
  return send(fd, &value, sizeof(value), MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(value));
}

template <typename T>
bool ReceiveAll(int fd, T& value) {
  ssize_t got;
  do got = recv(fd, &value, sizeof(value), MSG_WAITALL);
  while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof(value));
}

// The watcher keeps nothing of the program's open but stderr and the socket.
void CloseAllBut(int socket) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
  }
  const auto first = static_cast<unsigned>(STDERR_FILENO + 1);
  const auto kept = static_cast<unsigned>(socket);
  if (kept > first) syscall(SYS_close_range, first, kept - 1, 0);
  syscall(SYS_close_range, std::max(kept + 1, first), ~0u, 0);
}

// Returns in a child process, which does the work. This one stays the one that may trace the watched process where Yama
// has a say: its descendants may, too.
void StayAsGuardian(pid_t watched, int socket, const std::function<void(pid_t)>& guard) {
  const pid_t worker = QuietFork();
  if (worker <= 0) return;  // without a guardian, when there can be none
  close(socket);
  // Whoever reads the program's stderr to its end does not wait for this one.
  dup2(STDIN_FILENO, STDERR_FILENO);
  prctl(PR_SET_NAME, "pysnap-guardian");
  // It does nothing but wait, and then has to be quick.
  const RealtimeGuard realtime;
  int status = 0;
  while (waitpid(worker, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) guard(watched);
  _exit(0);
}

[[noreturn]] void Watch(pid_t watched,
                        int socket,
                        const std::function<absl::Status(pid_t)>& seize,
                        const std::function<void()>& run,
                        const std::function<void(pid_t)>& guard) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  // Ignored by whoever started us, it would not come.
  signal(SIGCHLD, SIG_DFL);
  setsid();
  prctl(PR_SET_NAME, kWatcherName);
  CloseAllBut(socket);
  const pid_t self = getpid();
  char go = 0;
  // The watched process allows this one to trace it, and says so.
  if (!SendAll(socket, self) || !ReceiveAll(socket, go)) _exit(1);
  if (guard) StayAsGuardian(watched, socket, guard);
  const absl::Status status = seize(watched);
  Answer answer;
  answer.code = static_cast<int>(status.code());
  const std::string message(status.message());
  std::memcpy(answer.message, message.data(), std::min(message.size(), sizeof(answer.message) - 1));
  if (!SendAll(socket, answer) || !status.ok()) _exit(1);
  close(socket);
  run();
  _exit(0);
}

// Whether the orphans among its descendants become children of the calling process.
bool AdoptsOrphans() {
  int subreaper = 0;
  return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
}

}  // namespace

absl::Status WatchMe(const std::function<absl::Status(pid_t)>& seize,
                     const std::function<void()>& run,
                     const std::function<void(pid_t)>& guard) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return ProcError(errno, "socketpair");
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t self = getpid();
  // An adopted child is an ordinary one, which it would wait for.
  const bool adopts = AdoptsOrphans();
  const pid_t child = QuietFork();
  if (child == 0) {
    ours.reset();
    if (!adopts) {
      const pid_t orphan = QuietFork();
      if (orphan != 0) _exit(orphan < 0 ? 1 : 0);
    }
    Watch(self, theirs.get(), seize, run, guard);
  }
  if (child < 0) return ProcError(errno, "clone");
  theirs.reset();
  if (!adopts) {
    while (waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
  pid_t watcher = 0;
  Answer answer;
  const absl::Status died = absl::InternalError("the process that was to watch the program has died");
  if (!ReceiveAll(ours.get(), watcher)) return died;
  // Where Yama restricts tracing to ancestors. The process of that id is known to live: it waits for us.
  prctl(PR_SET_PTRACER, watcher);
  if (!SendAll(ours.get(), '\0') || !ReceiveAll(ours.get(), answer)) return died;
  answer.message[sizeof(answer.message) - 1] = '\0';
  return absl::Status(static_cast<absl::StatusCode>(answer.code), answer.message);
}

}  // namespace pysnap
