#include "snapshotter/format/snapshot_writer.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snapshotter/format/output_path.h"

namespace pysnap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = ::testing::TempDir() + "/pysnap-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDirectory() {
    for (const std::string& name : Names()) unlink((path_ + "/" + name).c_str());
    rmdir(path_.c_str());
  }
  const std::string& path() const { return path_; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    DIR* directory = opendir(path_.c_str());
    while (const dirent* entry = readdir(directory)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(directory);
    return names;
  }

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

proto::Record HeaderRecord() {
  proto::Record record;
  record.mutable_header()->set_format(1);
  return record;
}

proto::Record Text(const std::string& text) {
  proto::Record record;
  record.mutable_strings()->add_text(text);
  return record;
}

TEST(SnapshotWriterTest, WholeFileIsAnOrdinaryProtobufMessage) {
  std::string out;
  auto writer = SnapshotWriter::Create(std::make_unique<StringSink>(&out));
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Add(HeaderRecord()).ok());
  ASSERT_TRUE((*writer)->Add(Text("a")).ok());
  ASSERT_TRUE(
      (*writer)->AddSerialized(proto::Record::kStringsFieldNumber, Text("b").strings().SerializeAsString()).ok());
  proto::Trailer trailer;
  trailer.set_complete(true);
  ASSERT_TRUE((*writer)->Finish(trailer).ok());
  EXPECT_EQ((*writer)->bytes_written(), out.size());

  proto::Snapshot snapshot;
  ASSERT_TRUE(snapshot.ParseFromString(out));
  ASSERT_EQ(snapshot.record_size(), 3);
  EXPECT_EQ(snapshot.record(0).header().format(), 1u);
  EXPECT_TRUE(snapshot.record(1).has_zstd());
  EXPECT_TRUE(snapshot.record(2).trailer().complete());
}

TEST(SnapshotWriterTest, CutsRuns) {
  std::string out;
  auto writer = SnapshotWriter::Create(std::make_unique<StringSink>(&out));
  ASSERT_TRUE((*writer)->Add(HeaderRecord()).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*writer)->Add(Text(std::string(1 << 20, 'x'))).ok());
  ASSERT_TRUE((*writer)->Finish({}).ok());
  proto::Snapshot snapshot;
  ASSERT_TRUE(snapshot.ParseFromString(out));
  EXPECT_EQ(snapshot.record_size(), 2 + 4);  // three records of a mebibyte and their framing fit into a run
}

TEST(SnapshotWriterTest, FileAppearsWholeAndPrivate) {
  ScratchDirectory scratch;
  const std::string path = scratch.path() + "/a.pb";
  auto writer = SnapshotWriter::Create(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Add(HeaderRecord()).ok());
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  ASSERT_TRUE((*writer)->Finish({}).ok());
  EXPECT_THAT(scratch.Names(), ElementsAre("a.pb"));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(SnapshotWriterTest, UnfinishedLeavesNothingAndKeepsTheOldFile) {
  ScratchDirectory scratch;
  const std::string path = scratch.path() + "/a.pb";
  std::ofstream(path) << "old";
  {
    auto writer = SnapshotWriter::Create(path);
    ASSERT_TRUE((*writer)->Add(HeaderRecord()).ok());
  }
  EXPECT_THAT(scratch.Names(), ElementsAre("a.pb"));
  EXPECT_EQ(ReadFile(path), "old");
}

TEST(SnapshotWriterTest, ReplacesASymbolicLinkNotItsTarget) {
  ScratchDirectory scratch;
  const std::string victim = scratch.path() + "/victim";
  const std::string path = scratch.path() + "/a.pb";
  std::ofstream(victim) << "old";
  ASSERT_EQ(symlink(victim.c_str(), path.c_str()), 0);
  auto writer = SnapshotWriter::Create(path);
  ASSERT_TRUE((*writer)->Add(HeaderRecord()).ok());
  ASSERT_TRUE((*writer)->Finish({}).ok());
  EXPECT_EQ(ReadFile(victim), "old");
  struct stat info;
  ASSERT_EQ(lstat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}

TEST(SnapshotWriterTest, RefusesWhatIsNotAFile) {
  EXPECT_THAT(SnapshotWriter::Create("/dev/null").status().message(), HasSubstr("not a regular file"));
  EXPECT_EQ(SnapshotWriter::Create("/proc/self/x/y.pb").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(SnapshotWriter::Create("/nowhere/y.pb").status().message(), HasSubstr("No such file or directory"));
  EXPECT_THAT(SnapshotWriter::Create("/tmp/").status().message(), HasSubstr("Is a directory"));
  EXPECT_FALSE(SnapshotWriter::Create("").ok());
}

class FullSink final : public ByteSink {
 public:
  absl::Status Append(absl::string_view) override { return absl::UnavailableError("No space left on device"); }
  absl::Status Commit() override { return absl::OkStatus(); }
};

TEST(SnapshotWriterTest, SinkErrorsAreFinal) {
  auto writer = SnapshotWriter::Create(std::make_unique<FullSink>());
  EXPECT_FALSE((*writer)->Add(HeaderRecord()).ok());
  EXPECT_EQ((*writer)->Add(Text("a")).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ((*writer)->Finish({}).code(), absl::StatusCode::kUnavailable);
}

TEST(OutputPathTest, DefaultName) {
  const absl::Time time = absl::FromUnixMillis(1700000000042);
  EXPECT_EQ(DefaultFileName("/srv/my app.py", 12, time), "pysnap-my_app.py-12-20231114T221320.042Z.pb");
  EXPECT_EQ(DefaultFileName("", 1, time), "pysnap-python-1-20231114T221320.042Z.pb");
  EXPECT_EQ(DefaultFileName("../..", 1, time), "pysnap-..-1-20231114T221320.042Z.pb");
}

TEST(OutputPathTest, DirectoryGetsTheDefaultName) {
  const absl::Time time = absl::FromUnixMillis(1700000000042);
  EXPECT_EQ(OutputPath("", "a", 1, time), "pysnap-a-1-20231114T221320.042Z.pb");
  EXPECT_EQ(OutputPath("x.pb", "a", 1, time), "x.pb");
  EXPECT_EQ(OutputPath("/tmp", "a", 1, time), "/tmp/pysnap-a-1-20231114T221320.042Z.pb");
  EXPECT_EQ(OutputPath("/tmp/", "a", 1, time), "/tmp/pysnap-a-1-20231114T221320.042Z.pb");
}

}  // namespace
}  // namespace pysnap
