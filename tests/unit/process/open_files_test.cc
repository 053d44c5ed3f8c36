#include "snapshotter/process/open_files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;

// Numbers that no descriptor of the test has by chance.
constexpr int kFile = 100;
constexpr int kPipe = 101;
constexpr int kListening = 102;
constexpr int kPair = 103;
constexpr int kClosed = 104;

void OpenAll() {
  char path[] = "/tmp/pysnap-test-XXXXXX";
  const int file = mkstemp(path);
  unlink(path);
  if (write(file, "0123456789", 10) != 10 || lseek(file, 4, SEEK_SET) != 4) _exit(1);
  dup2(file, kFile);
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  dup2(ends[0], kPipe);
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listening, 1) != 0) {
    _exit(1);
  }
  dup2(listening, kListening);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) _exit(1);
  dup2(pair[0], kPair);
  socklen_t size = sizeof(address);
  getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
  Child::Ready(ntohs(address.sin_port));
}

// Whether they are prepared.
class OpenFilesTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Prepared, OpenFilesTest, ::testing::Bool());

TEST_P(OpenFilesTest, TellsWhatTheKernelKnows) {
  const Child child(OpenAll);
  ASSERT_GT(child.value(), 0);
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  OpenFiles files(**target);
  for (const int fd : {kFile, kPipe, kListening, kPair, kClosed, -1}) files.Note(fd);
  EXPECT_EQ(files.Find(kFile), nullptr) << "before it was read";
  EXPECT_TRUE(files.missed());
  if (GetParam()) files.Prepare();
  files.Read();
  EXPECT_FALSE(files.missed());

  ASSERT_NE(files.Find(kFile), nullptr);
  EXPECT_TRUE(files.Find(kFile)->problem.ok());
  EXPECT_EQ(files.Find(kFile)->position, 4);
  EXPECT_FALSE(files.Find(kFile)->socket);
  EXPECT_TRUE(files.Find(kPipe)->problem.ok());
  EXPECT_EQ(files.Find(kPipe)->position, std::nullopt);

  const OpenFile* listening = files.Find(kListening);
  ASSERT_TRUE(listening->socket && listening->problem.ok()) << listening->problem;
  sockaddr_in address = {};
  ASSERT_EQ(listening->address.size(), sizeof(address));
  std::memcpy(&address, listening->address.data(), sizeof(address));
  EXPECT_EQ(ntohs(address.sin_port), child.value());
  EXPECT_EQ(listening->peer, "") << "not connected";

  const OpenFile* pair = files.Find(kPair);
  ASSERT_TRUE(pair->socket && pair->problem.ok()) << pair->problem;
  EXPECT_EQ(pair->address.size(), offsetof(sockaddr_un, sun_path)) << "no name";
  EXPECT_EQ(pair->peer.size(), offsetof(sockaddr_un, sun_path));

  EXPECT_EQ(files.Find(kClosed)->problem, absl::OutOfRangeError("descriptor 104: it is not open"));
  EXPECT_FALSE(files.missed());
  EXPECT_EQ(files.Find(-1), nullptr);
  EXPECT_TRUE(files.missed());

  files.CannotRead(absl::UnimplementedError("why"));
  EXPECT_EQ(files.Find(kFile)->problem, absl::UnimplementedError("why"));
  EXPECT_EQ(files.Find(kFile)->position, std::nullopt);
}

TEST(OpenFilesOfTheDeadTest, ProcessThatHasEnded) {
  auto child = std::make_unique<Child>([] { Child::Ready(); });
  const auto target = LiveTarget::Open(child->pid());
  ASSERT_TRUE(target.ok()) << target.status();
  child.reset();
  OpenFiles files(**target);
  files.Note(0);
  files.Read();
  EXPECT_FALSE(files.Find(0)->problem.ok());
}

}  // namespace
}  // namespace pysnap
