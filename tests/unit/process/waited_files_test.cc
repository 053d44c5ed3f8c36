#include "snapshotter/process/waited_files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;

// Numbers that no descriptor of the test has by chance.
constexpr int kRead = 100;
constexpr int kWrite = 101;
constexpr int kListening = 102;
constexpr int kEpoll = 103;
constexpr int kClosed = 104;
constexpr int kInner = 105;

void Register(int epoll, int fd) {
  epoll_event event = {};
  event.events = EPOLLIN;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) _exit(1);
}

void OpenAll() {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  dup2(ends[0], kRead);
  dup2(ends[1], kWrite);
  close(ends[0]);
  close(ends[1]);
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  if (listen(listening, 1) != 0) _exit(1);
  dup2(listening, kListening);
  dup2(epoll_create1(0), kEpoll);
  dup2(epoll_create1(0), kInner);
  Register(kEpoll, kRead);
  Register(kEpoll, kInner);
  Register(kInner, kListening);
  Child::Ready();
}

TEST(WaitedFilesTest, TellsWhatIsBehindThem) {
  const Child child(OpenAll);
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  WaitedFiles files(**target);
  files.Read({kEpoll, kRead, kListening, kClosed, -1, kRead});
  EXPECT_TRUE(files.Of(kWrite).empty()) << "was not asked for";

  ASSERT_EQ(files.Of(kRead).size(), 1u);
  EXPECT_EQ(files.Of(kRead)[0].kind, FileKind::kPipe);
  EXPECT_TRUE(files.Of(kRead)[0].other_ends.ends.empty()) << "not looked for yet";
  files.FindPipeEnds();
  const std::vector<PipeEnd>& ends = files.Of(kRead)[0].other_ends.ends;
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].pid, child.pid());
  EXPECT_EQ(ends[0].fd, kWrite);

  ASSERT_EQ(files.Of(kListening).size(), 1u);
  ASSERT_TRUE(files.Of(kListening)[0].socket.has_value()) << files.Of(kListening)[0].problem;
  EXPECT_TRUE(files.Of(kListening)[0].socket->listening);
  EXPECT_EQ(files.Of(kListening)[0].socket->family, AF_INET);

  ASSERT_EQ(files.Of(kClosed).size(), 1u);
  EXPECT_EQ(files.Of(kClosed)[0].problem, absl::OutOfRangeError("it is not open"));
  ASSERT_EQ(files.Of(-1).size(), 1u);
  EXPECT_FALSE(files.Of(-1)[0].problem.ok());

  const absl::Span<const WaitedFile> epoll = files.Of(kEpoll);
  ASSERT_EQ(epoll.size(), 4u);
  EXPECT_EQ(epoll[0].kind, FileKind::kEpoll);
  EXPECT_EQ(epoll[0].epoll, std::nullopt);
  EXPECT_EQ(epoll[3].fd, kListening);
  EXPECT_EQ(epoll[3].epoll, kInner);
  EXPECT_NE(epoll[3].events & EPOLLIN, 0u);
  for (const WaitedFile& file : epoll) EXPECT_TRUE(file.problem.ok()) << file.fd << file.problem;

  files.CannotRead({kRead}, absl::UnimplementedError("why"));
  files.FindPipeEnds();
  ASSERT_EQ(files.Of(kRead).size(), 1u);
  EXPECT_EQ(files.Of(kRead)[0].problem, absl::UnimplementedError("why"));
  EXPECT_TRUE(files.Of(kEpoll).empty());
}

TEST(WaitedFilesTest, ProcessOfAPidfd) {
  constexpr int kRuns = 100;
  constexpr int kEnded = 101;
  constexpr int kWaitedFor = 102;
  constexpr int kNone = 103;
  const Child child([] {
    const auto start = [](int fd, bool ends) {
      const pid_t pid = fork();
      if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (!ends) pause();
        _exit(0);
      }
      dup2(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), fd);
      siginfo_t info = {};
      if (ends) waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
      return pid;
    };
    const pid_t running = start(kRuns, false);
    start(kEnded, true);
    waitpid(start(kWaitedFor, true), nullptr, 0);
    Child::Ready(running);
  });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  WaitedFiles files(**target);
  files.Read({kRuns, kEnded, kWaitedFor});
  const auto process = [&](int fd) { return files.Of(fd)[0].process.value_or(PidfdFacts()); };
  EXPECT_EQ(process(kRuns).pid, child.value());
  EXPECT_EQ(process(kRuns).program, "process_test");
  EXPECT_FALSE(process(kRuns).ended);
  EXPECT_GT(process(kEnded).pid, 0);
  EXPECT_EQ(process(kEnded).program, "process_test");
  EXPECT_TRUE(process(kEnded).ended);
  EXPECT_EQ(process(kWaitedFor).pid, 0);
  EXPECT_EQ(process(kWaitedFor).program, "");
  EXPECT_TRUE(process(kWaitedFor).ended);
  EXPECT_EQ(ReadPidfdFacts((*target)->living_dir(), kNone).status().code(), absl::StatusCode::kNotFound);
  // What is no pidfd has no such line.
  EXPECT_EQ(ReadPidfdFacts((*target)->living_dir(), 2).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(WaitedFilesTest, ProcessThatHasEnded) {
  auto child = std::make_unique<Child>(OpenAll);
  const auto target = LiveTarget::Open(child->pid());
  ASSERT_TRUE(target.ok()) << target.status();
  child.reset();
  WaitedFiles files(**target);
  files.Read({kEpoll});
  ASSERT_EQ(files.Of(kEpoll).size(), 1u);
  EXPECT_FALSE(files.Of(kEpoll)[0].problem.ok());
}

std::string Bytes(const void* address, size_t size) { return std::string(static_cast<const char*>(address), size); }

TEST(SocketAddressTextTest, Families) {
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_port = htons(80);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(SocketAddressText(Bytes(&in, sizeof(in))), "127.0.0.1:80");
  EXPECT_EQ(SocketAddressText(Bytes(&in, sizeof(in) - 1)), "") << "cut off";
  sockaddr_in6 in6 = {};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(443);
  in6.sin6_addr = in6addr_loopback;
  EXPECT_EQ(SocketAddressText(Bytes(&in6, sizeof(in6))), "[::1]:443");
  in6.sin6_scope_id = 2;
  EXPECT_EQ(SocketAddressText(Bytes(&in6, sizeof(in6))), "[::1%2]:443");
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  EXPECT_EQ(SocketAddressText(Bytes(&un, offsetof(sockaddr_un, sun_path))), "") << "no name";
  std::strcpy(un.sun_path, "/run/x");
  EXPECT_EQ(SocketAddressText(Bytes(&un, sizeof(un))), "/run/x");
  std::memcpy(un.sun_path, "\0name", 5);
  EXPECT_EQ(SocketAddressText(Bytes(&un, offsetof(sockaddr_un, sun_path) + 5)), std::string("\0name", 5));
  const sa_family_t unknown = AF_MAX;
  EXPECT_EQ(SocketAddressText(Bytes(&unknown, sizeof(unknown))), "");
  EXPECT_EQ(SocketAddressText(""), "");
}

}  // namespace
}  // namespace pysnap
