#include "snapshotter/format/byte_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pysnap {
namespace {

namespace fs = std::filesystem;

class FileSinkTest : public ::testing::Test {
 protected:
  FileSinkTest() {
    std::string name = fs::temp_directory_path() / "sink-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~FileSinkTest() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ / "a.pb"; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
    return names;
  }
  void Write(const std::string& contents) const {
    auto sink = FileSink::Create(path());
    ASSERT_TRUE(sink.ok()) << sink.status();
    ASSERT_TRUE((*sink)->Append(contents).ok());
    ASSERT_TRUE((*sink)->Commit().ok());
  }
  std::string Contents(const std::string& file) const {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder_;
};

TEST_F(FileSinkTest, AppearsWhole) {
  Write("first");
  EXPECT_EQ(Contents(path()), "first");
  EXPECT_EQ(Names(), std::vector<std::string>{"a.pb"});
  struct stat facts;
  ASSERT_EQ(stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_EQ(facts.st_nlink, 1u);
}

TEST_F(FileSinkTest, ReplacesAFileAndALinkButNotWhatThatPointsTo) {
  Write("first");
  Write("second");
  EXPECT_EQ(Contents(path()), "second");
  fs::rename(path(), folder_ / "target");
  fs::create_symlink("target", path());
  Write("third");
  EXPECT_EQ(Contents(path()), "third");
  EXPECT_FALSE(fs::is_symlink(path()));
  EXPECT_EQ(Contents(folder_ / "target"), "second");
  EXPECT_EQ(Names().size(), 2u);
}

TEST_F(FileSinkTest, LeavesNothingWithoutCommit) {
  {
    auto sink = FileSink::Create(path());
    ASSERT_TRUE(sink.ok()) << sink.status();
    ASSERT_TRUE((*sink)->Append("half").ok());
  }
  EXPECT_TRUE(Names().empty());
}

TEST_F(FileSinkTest, LeavesNothingWhenTheProcessIsKilled) {
  const pid_t child = fork();
  if (child == 0) {
    auto sink = FileSink::Create(path());
    if (!sink.ok() || !(*sink)->Append("half").ok()) _exit(1);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  const int unnamed = open(folder_.c_str(), O_WRONLY | O_TMPFILE, 0600);
  if (unnamed < 0) GTEST_SKIP() << "this file system has no files without a name";
  close(unnamed);
  EXPECT_TRUE(Names().empty());
}

}  // namespace
}  // namespace pysnap
