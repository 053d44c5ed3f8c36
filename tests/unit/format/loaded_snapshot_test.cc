#include "snapshotter/format/loaded_snapshot.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/format/test_snapshot.h"

namespace pysnap::format {
namespace {

TEST(LoadedSnapshotTest, ReferencesAreChecked) {
  TestSnapshot built;
  const uint32_t answer = built.Int(42);
  const auto snapshot = built.Load();
  EXPECT_EQ(snapshot->object(answer)->int_value(), 42);
  EXPECT_EQ(snapshot->object(answer), snapshot->object(answer));
  EXPECT_EQ(snapshot->object(0), nullptr);
  EXPECT_EQ(snapshot->object(1000), nullptr);
  EXPECT_EQ(snapshot->object(UINT32_MAX), nullptr);
  EXPECT_EQ(snapshot->string(0), "");
  EXPECT_EQ(snapshot->string(1000), "");
  EXPECT_EQ(snapshot->string(1), "int");
  EXPECT_TRUE(snapshot->complete());
}

TEST(LoadedSnapshotTest, CutOffFilesAreIncomplete) {
  TestSnapshot built;
  built.Int(1);
  const std::string file = built.Bytes();
  const auto snapshot = LoadedSnapshot::Parse(file.substr(0, file.size() - 1));
  ASSERT_TRUE(snapshot.ok());
  EXPECT_FALSE((*snapshot)->complete());
  EXPECT_THAT((*snapshot)->damage(), ::testing::HasSubstr("cut off"));
  EXPECT_EQ((*snapshot)->object_count(), 2u);
}

TEST(LoadedSnapshotTest, RefusesOtherFiles) {
  EXPECT_EQ(LoadedSnapshot::Parse("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(LoadedSnapshot::Parse("#!/bin/sh\n").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(LoadedSnapshot::Load("/nonexistent.pb").status().code(), absl::StatusCode::kNotFound);
  TestSnapshot later;
  later.header().set_format(2);
  EXPECT_THAT(LoadedSnapshot::Parse(later.Bytes()).status().message(), ::testing::HasSubstr("format 2"));
}

TEST(LoadedSnapshotTest, ThreadsAreOrdered) {
  TestSnapshot built;
  for (int64_t id : {30, 10, 20}) {
    proto::Thread* thread = built.Record().mutable_thread();
    thread->set_native_id(id);
    thread->set_is_main(id == 20);
  }
  const auto snapshot = built.Load();
  ASSERT_EQ(snapshot->threads().size(), 3u);
  EXPECT_EQ(snapshot->threads()[0]->native_id(), 20);
  EXPECT_EQ(snapshot->threads()[1]->native_id(), 10);
  EXPECT_EQ(snapshot->threads()[2]->native_id(), 30);
}

class SourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<LoadedSnapshot> WithSource(const std::string& content) {
    TestSnapshot built;
    proto::SourceFile* source = built.Record().mutable_source();
    source->set_filename("/a.py");
    source->set_content(content);
    return built.Load();
  }
};

TEST_F(SourceTest, Lines) {
  const auto snapshot = WithSource("one\r\n  two\rthree\n");
  EXPECT_EQ(snapshot->SourceLine("/a.py", 1), "one");
  EXPECT_EQ(snapshot->SourceLine("/a.py", 2), "  two");
  EXPECT_EQ(snapshot->SourceLine("/a.py", 3), "three");
  EXPECT_EQ(snapshot->SourceLine("/a.py", 4), std::nullopt);
  EXPECT_EQ(snapshot->SourceLine("/a.py", 0), std::nullopt);
  EXPECT_EQ(snapshot->SourceLine("/a.py", UINT32_MAX), std::nullopt);
  EXPECT_EQ(snapshot->SourceLine("/b.py", 1), std::nullopt);
}

TEST_F(SourceTest, Encodings) {
  EXPECT_EQ(WithSource("\xef\xbb\xbfx = 1\n")->SourceLine("/a.py", 1), "x = 1");
  EXPECT_EQ(WithSource("# -*- coding: latin-1 -*-\n\xe9\n")->SourceLine("/a.py", 2), "\xc3\xa9");
  EXPECT_EQ(WithSource("#!/x\n# vim: fileencoding=UTF_8\nx\n")->SourceLine("/a.py", 3), "x");
  // What it says could not be told.
  EXPECT_EQ(WithSource("# coding: koi8-r\n\xe9\n")->SourceLine("/a.py", 2), std::nullopt);
}

}  // namespace
}  // namespace pysnap::format
