#include "snapshotter/format/record_stream.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/format/snapshot_writer.h"

namespace pysnap::format {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A header, `texts` string tables of one text each, a trailer.
std::string MakeFile(const std::vector<std::string>& texts) {
  std::string out;
  auto writer = SnapshotWriter::Create(std::make_unique<StringSink>(&out));
  proto::Record header;
  header.mutable_header()->set_format(1);
  EXPECT_TRUE((*writer)->Add(header).ok());
  for (const std::string& text : texts) {
    proto::Record record;
    record.mutable_strings()->add_text(text);
    EXPECT_TRUE((*writer)->Add(record).ok());
  }
  EXPECT_TRUE((*writer)->Finish({}).ok());
  return out;
}

std::string Incompressible(size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

struct Result {
  std::vector<uint32_t> kinds;
  std::vector<std::string> texts;
  StreamEnd end;
};

Result ReadAll(std::string_view file) {
  Result result;
  RecordBuffers buffers;
  result.end = ReadRecords(file, buffers, [&](uint32_t kind, std::string_view payload) {
    result.kinds.push_back(kind);
    proto::StringTable table;
    if (kind == kStringsRecord && table.ParseFromString(std::string(payload))) result.texts.push_back(table.text(0));
    return true;
  });
  return result;
}

std::string Framed(const proto::Record& record) {
  proto::Snapshot snapshot;
  *snapshot.add_record() = record;
  return snapshot.SerializeAsString();
}

TEST(RecordStreamTest, ReadsWhatTheWriterWrote) {
  const std::string large(3 << 20, 'x');
  const Result result = ReadAll(MakeFile({"a", large, large, "b"}));
  EXPECT_EQ(result.end.damage, "");
  EXPECT_FALSE(result.end.cut);
  EXPECT_THAT(result.kinds, ElementsAre(1, 2, 2, 2, 2, 8));
  EXPECT_THAT(result.texts, ElementsAre("a", large, large, "b"));
}

TEST(RecordStreamTest, EveryPrefixIsReadAsFarAsItGoes) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(Incompressible(20000, i));
  const std::string file = MakeFile(texts);
  size_t most = 0;
  for (size_t size = 0; size < file.size(); size += size < 100 ? 1 : 997) {
    const Result result = ReadAll(std::string_view(file).substr(0, size));
    if (result.kinds.empty()) {
      EXPECT_NE(result.end.damage, "") << size;
    } else {
      EXPECT_EQ(result.end.damage, "") << size;
      EXPECT_TRUE(result.end.cut || size == 6) << size;  // 6: after the header
    }
    ASSERT_LE(result.texts.size(), texts.size());
    for (size_t i = 0; i < result.texts.size(); ++i) EXPECT_EQ(result.texts[i], texts[i]);
    EXPECT_GE(result.texts.size(), most) << size;
    most = result.texts.size();
  }
  EXPECT_GT(most, 30u);  // all of it is one run: its beginning is read without its end
}

TEST(RecordStreamTest, RandomBytesAreNotASnapshot) {
  for (const std::string& file : {std::string(), std::string("#!/usr/bin/python3\n"), std::string(100, '\0'),
                                  std::string(100, '\n'), Incompressible(10000)}) {
    const Result result = ReadAll(file);
    EXPECT_THAT(result.kinds, IsEmpty());
    EXPECT_NE(result.end.damage, "");
  }
}

TEST(RecordStreamTest, FlippedBytesNeverReadAsSomethingElse) {
  const std::string file = MakeFile({Incompressible(300), "hello"});
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] ^= 0x10;
    const Result result = ReadAll(damaged);
    for (size_t j = 0; j < result.texts.size(); ++j) {
      EXPECT_EQ(result.texts[j], j == 0 ? Incompressible(300) : "hello") << i;
    }
  }
}

class HostileTest : public ::testing::Test {
 protected:
  HostileTest() { header_.mutable_header()->set_format(1); }
  proto::Record header_;
};

TEST_F(HostileTest, LengthBeyondTheFile) {
  EXPECT_TRUE(ReadAll(Framed(header_) + "\x0a\xff\xff\xff\xff\x03"
                                        "abc")
                  .end.cut);
  EXPECT_TRUE(ReadAll(Framed(header_) + "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f").end.cut);
  EXPECT_NE(ReadAll(Framed(header_) + std::string(20, '\xff')).end.damage, "");
}

TEST_F(HostileTest, NestedZstdIsRefused) {
  // The writer compresses what it is given, a compressed record included.
  std::string out;
  auto writer = SnapshotWriter::Create(std::make_unique<StringSink>(&out));
  ASSERT_TRUE((*writer)->Add(header_).ok());
  ASSERT_TRUE((*writer)->AddSerialized(proto::Record::kZstdFieldNumber, "x").ok());
  ASSERT_TRUE((*writer)->Finish({}).ok());
  EXPECT_NE(ReadAll(out).end.damage, "");
}

}  // namespace
}  // namespace pysnap::format
