#include "snapshotter/process/live_target.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;
using ::testing::HasSubstr;

class TempDir {
 public:
  TempDir() {
    char path[] = "/tmp/pysnap-test-XXXXXX";
    path_ = mkdtemp(path);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string ReadAll(const UniqueFd& file) {
  std::string text(4096, '\0');
  const ssize_t size = pread(file.get(), text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return text;
}

TEST(LiveTargetTest, TellsWhoItIs) {
  Child child([] { Child::Ready(); });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  const ProcessInfo& info = (*target)->info();
  EXPECT_EQ(info.pid, child.pid());
  EXPECT_FALSE(info.argv.empty());
  EXPECT_EQ(info.executable, std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_EQ(info.cwd, std::filesystem::current_path());
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  EXPECT_EQ(info.hostname, host);
  EXPECT_TRUE((*target)->same_pid_namespace());
}

TEST(LiveTargetTest, ReadsItsMemoryAndOpensItsExecutable) {
  static int number = 1;
  number = 4711;
  Child child([] { Child::Ready(); });
  number = 0;
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  const auto value = (*target)->memory().ReadValue<int>(Address(reinterpret_cast<uint64_t>(&number)));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, 4711);
  int opened = 0;
  for (const Mapping& mapping : (*target)->mappings()) {
    if (mapping.path != (*target)->info().executable) continue;
    const auto file = (*target)->OpenMapping(mapping);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadAll(*file).substr(0, 4),
              "\x7f"
              "ELF");
    ++opened;
  }
  EXPECT_GT(opened, 0);
}

TEST(LiveTargetTest, SaysWhyItCannotBeOpened) {
  EXPECT_TRUE(absl::IsNotFound(LiveTarget::Open(0).status()));
  EXPECT_TRUE(absl::IsNotFound(LiveTarget::Open(-1).status()));
  EXPECT_TRUE(absl::IsNotFound(LiveTarget::Open(0x7fffffff).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(LiveTarget::Open(getpid()).status()));
  const absl::Status kernel_thread = LiveTarget::Open(2).status();
  if (getppid() != 1 && absl::IsFailedPrecondition(kernel_thread)) {  // in a container, 2 is something else
    EXPECT_THAT(std::string(kernel_thread.message()), HasSubstr("thread of the kernel"));
  }
}

TEST(LiveTargetTest, RefusesAThreadsId) {
  Child child([] {
    std::thread([] {
      Child::Ready(static_cast<int>(syscall(SYS_gettid)));
      while (true) pause();
    }).join();
  });
  const absl::Status status = LiveTarget::Open(child.value()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is a thread of process"));
}

TEST(LiveTargetTest, RefusesAZombie) {
  Child child([] { _exit(0); });
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT);
  const absl::Status status = LiveTarget::Open(child.pid()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is a zombie"));
}

TEST(LiveTargetTest, ServesAProcessWhoseFirstThreadHasEnded) {
  static int number = 99;
  Child child([] {
    std::thread([] {
      // Nothing tells when it has become a zombie but /proc.
      std::string stat;
      while (stat.find(") Z ") == std::string::npos) std::getline(std::ifstream("/proc/self/stat"), stat);
      Child::Ready();
      while (true) pause();
    }).detach();
    syscall(SYS_exit, 0);  // of this thread alone
  });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  const auto value = (*target)->memory().ReadValue<int>(Address(reinterpret_cast<uint64_t>(&number)));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, 99);
  EXPECT_FALSE((*target)->mappings().empty());
}

TEST(LiveTargetTest, ExplainsARefusal) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to have somebody else's process";
  Child child([] { Child::Ready(); });
  Child other([&] {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(9);
    const absl::Status status = LiveTarget::Open(child.pid()).status();
    const bool explained =
        status.message().find("belongs to root: run pysnap as that user or as root") != absl::string_view::npos;
    _exit(absl::IsPermissionDenied(status) && explained ? 0 : 1);
  });
  EXPECT_EQ(other.WaitStatus(), 0);
}

TEST(LiveTargetTest, ListsThreadsWithTheirNames) {
  Child child([] {
    prctl(PR_SET_NAME, "first) S 1");
    std::thread([] {
      prctl(PR_SET_NAME, "second");
      Child::Ready(static_cast<int>(syscall(SYS_gettid)));
      while (true) pause();
    }).join();
  });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  const auto threads = (*target)->ListThreads();
  ASSERT_TRUE(threads.ok());
  ASSERT_EQ(threads->size(), 2u);
  EXPECT_EQ((*threads)[0].tid, child.pid());
  EXPECT_EQ((*threads)[0].native_id, child.pid());
  EXPECT_EQ((*threads)[0].name, "first) S 1");
  EXPECT_EQ((*threads)[1].tid, child.value());
  EXPECT_EQ((*threads)[1].name, "second");
}

TEST(LiveTargetTest, TellsIdsAndHostnameOfOtherNamespaces) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to make namespaces";
  // The child's child is process 1 in its own PID namespace, on a host of its own.
  Child child([] {
    if (unshare(CLONE_NEWPID | CLONE_NEWUTS) != 0) _exit(9);
    const pid_t inner = fork();
    if (inner == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const char name[] = "elsewhere";
      if (sethostname(name, sizeof(name) - 1) != 0) _exit(9);
      Child::Ready(getpid());
      while (true) pause();
    }
    waitpid(inner, nullptr, 0);
  });
  ASSERT_EQ(child.value(), 1);
  pid_t inner = 0;
  std::ifstream("/proc/" + std::to_string(child.pid()) + "/task/" + std::to_string(child.pid()) + "/children") >> inner;
  ASSERT_GT(inner, 0);
  const auto target = LiveTarget::Open(inner);
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_FALSE((*target)->same_pid_namespace());
  EXPECT_EQ((*target)->info().hostname, "elsewhere");
  const auto threads = (*target)->ListThreads();
  ASSERT_TRUE(threads.ok());
  ASSERT_EQ(threads->size(), 1u);
  EXPECT_EQ((*threads)[0].tid, inner);
  EXPECT_EQ((*threads)[0].native_id, 1);
}

TEST(LiveTargetTest, OpensRegularFilesOnly) {
  TempDir dir;
  std::ofstream(dir / "file") << "content";
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(symlink((dir / "file").c_str(), (dir / "link").c_str()), 0);
  ASSERT_EQ(symlink((dir / "fifo").c_str(), (dir / "link-to-fifo").c_str()), 0);
  Child child([] { Child::Ready(); });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  for (const char* name : {"file", "link"}) {
    const auto file = (*target)->OpenPath(dir / name);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadAll(*file), "content");
  }
  for (const std::string& path : {dir / "fifo", dir / "link-to-fifo", dir / "nothing", std::string("/tmp"),
                                  std::string("/dev/zero"), std::string("/proc/self/fd/0"), std::string("relative"),
                                  std::string(), (dir / "file") + std::string("\0x", 2)}) {
    EXPECT_FALSE((*target)->OpenPath(path).ok()) << path;
  }
}

TEST(LiveTargetTest, OpensFilesAsTheTargetSeesThem) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, for chroot";
  TempDir dir;
  std::filesystem::create_directories(dir / "root/etc");
  std::ofstream(dir / "root/etc/name") << "inside";
  std::ofstream(dir / "outside") << "outside";
  // Absolute in the target's root; from ours it would lead astray.
  ASSERT_EQ(symlink("/etc/name", (dir / "root/link").c_str()), 0);
  ASSERT_EQ(symlink("../../../../outside", (dir / "root/escape").c_str()), 0);
  Child child([&] {
    if (chroot((dir / "root").c_str()) != 0 || chdir("/etc") != 0) _exit(9);
    const int file = open("/etc/name", O_RDONLY);
    mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    Child::Ready();
  });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->info().cwd, "/etc");
  for (const char* path : {"/etc/name", "/link"}) {
    const auto file = (*target)->OpenPath(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadAll(*file), "inside");
  }
  EXPECT_FALSE((*target)->OpenPath("/escape").ok());
  bool seen = false;
  for (const Mapping& mapping : (*target)->mappings()) {
    if (mapping.path != "/etc/name") continue;
    seen = true;
    const auto file = (*target)->OpenMapping(mapping);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadAll(*file), "inside");
  }
  EXPECT_TRUE(seen);
}

TEST(LiveTargetTest, OpensAMappedFileThatWasReplacedOnlyIfItIsTheSame) {
  TempDir dir;
  const std::string path = dir / "odd\nname (deleted)";
  std::ofstream(path) << "first";
  Child child([&] {
    const int file = open(path.c_str(), O_RDONLY);
    mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    Child::Ready();
  });
  const auto open_it = [&]() -> absl::StatusOr<UniqueFd> {
    const auto target = LiveTarget::Open(child.pid());
    if (!target.ok()) return target.status();
    for (const Mapping& mapping : (*target)->mappings()) {
      if (mapping.path == dir / "odd\nname") return (*target)->OpenMapping(mapping);
    }
    return absl::NotFoundError("not mapped");
  };
  auto file = open_it();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ReadAll(*file), "first");
  std::ofstream(dir / "new") << "second";
  std::filesystem::rename(dir / "new", path);
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok());
  for (const Mapping& mapping : (*target)->mappings()) {
    if (mapping.path.find("odd\nname") == std::string::npos) continue;
    file = (*target)->OpenMapping(mapping);
    // As root by map_files; otherwise not at all, and never the new file.
    if (file.ok()) {
      EXPECT_EQ(ReadAll(*file), "first");
    } else {
      EXPECT_TRUE(absl::IsNotFound(file.status()));
    }
  }
}

TEST(LiveTargetTest, KnowsWhichPagesArePresent) {
  constexpr size_t kSize = size_t{1} << 20;
  auto* memory = static_cast<char*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const uint64_t window = (reinterpret_cast<uint64_t>(memory) + (256 << 10) - 1) / (256 << 10) * (256 << 10);
  reinterpret_cast<char*>(window)[0] = 1;
  reinterpret_cast<char*>(window)[5 * 4096] = 1;
  reinterpret_cast<char*>(window)[63 * 4096] = 1;
  Child child([] { Child::Ready(); });
  const auto target = LiveTarget::Open(child.pid());
  ASSERT_TRUE(target.ok()) << target.status();
  const PagePresence presence = (*target)->presence();
  if (presence == nullptr) GTEST_SKIP() << "no pagemap here";
  EXPECT_EQ(presence(Address(window)), uint64_t{1} << 63 | 1 << 5 | 1);
  EXPECT_EQ(presence(Address(0)), 0u);
  EXPECT_EQ(presence(Address(~uint64_t{0} << 18)), 0u);
  munmap(memory, kSize);
}

}  // namespace
}  // namespace pysnap
