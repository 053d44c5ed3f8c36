#include "snapshotter/capture/snapshot_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace pysnap {
namespace {

using ::testing::ElementsAre;

// What a whole-file protobuf parse gives, with the compressed runs put in their place.
class SnapshotBuilderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto writer = SnapshotWriter::Create(std::make_unique<StringSink>(&file_));
    ASSERT_TRUE(writer.ok());
    writer_ = *std::move(writer);
    proto::Header header;
    header.set_format(1);
    builder_ = std::make_unique<SnapshotBuilder>(*writer_, header);
  }

  std::string file_;
  std::unique_ptr<SnapshotWriter> writer_;
  std::unique_ptr<SnapshotBuilder> builder_;
};

TEST_F(SnapshotBuilderTest, CountsWhatItWrote) {
  for (uint32_t id = 1; id <= 3; ++id) {
    proto::Object object;
    object.set_int_value(id);
    builder_->OnObject(id, object);
  }
  builder_->OnString(1, "name");
  proto::Trailer trailer;
  trailer.set_complete(true);
  ASSERT_TRUE(builder_->Finish(trailer).ok());
  proto::Snapshot snapshot;
  ASSERT_TRUE(snapshot.ParseFromString(file_));
  ASSERT_GE(snapshot.record_size(), 2);
  EXPECT_EQ(snapshot.record(0).header().format(), 1u);
  const proto::Trailer& last = snapshot.record(snapshot.record_size() - 1).trailer();
  EXPECT_EQ(last.objects(), 3u);
  EXPECT_EQ(last.strings(), 1u);
  EXPECT_TRUE(last.complete());
}

TEST_F(SnapshotBuilderTest, NamesTheFilesOfFramesOnly) {
  builder_->OnString(1, "used.py");
  builder_->OnString(2, "unused.py");
  builder_->OnString(3, "generator.py");
  proto::Thread thread;
  thread.add_frame()->set_code(1);
  thread.add_frame()->set_code(1);
  proto::Object code;
  code.mutable_code()->set_filename(1);
  builder_->OnObject(1, code);
  code.mutable_code()->set_filename(2);
  builder_->OnObject(2, code);
  code.mutable_code()->set_filename(3);
  builder_->OnObject(3, code);
  proto::Object generator;
  generator.mutable_generator()->mutable_frame()->set_code(3);
  builder_->OnObject(4, generator);
  builder_->AddThread(thread);
  EXPECT_THAT(builder_->FrameFilenames(), ElementsAre("generator.py", "used.py"));
}

}  // namespace
}  // namespace pysnap
