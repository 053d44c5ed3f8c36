// Builds snapshots in memory, for tests of what reads them.
#ifndef PYSNAP_TESTS_UNIT_FORMAT_TEST_SNAPSHOT_H_
#define PYSNAP_TESTS_UNIT_FORMAT_TEST_SNAPSHOT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/snapshot_writer.h"

namespace pysnap::format {

class TestSnapshot {
 public:
  explicit TestSnapshot(uint32_t minor = 12) {
    header_.set_format(1);
    header_.mutable_reason()->set_kind(proto::Reason::ATTACH);
    header_.mutable_process()->set_pid(4711);
    header_.mutable_process()->add_argv("python3");
    header_.mutable_process()->add_argv("app.py");
    header_.mutable_process()->mutable_python()->set_major(3);
    header_.mutable_process()->mutable_python()->set_minor(minor);
    header_.mutable_process()->mutable_python()->set_version("3." + std::to_string(minor) + ".0");
    header_.set_time_ns(1700000000123456789);
    trailer_.set_complete(true);
  }

  uint32_t String(std::string_view text) {
    strings_.add_text(std::string(text));
    return static_cast<uint32_t>(strings_.text_size());
  }

  // A new object of a builtin type, at an address that its id gives.
  proto::Object* Add(uint32_t* id, std::string_view type = "") {
    const uint32_t type_id = type.empty() ? 0 : Type(type, "builtins", false);
    proto::Object* object = objects_.add_object();
    *id = static_cast<uint32_t>(objects_.object_size());
    object->set_address(0x1000 + *id);
    object->set_type(type_id);
    return object;
  }
  uint32_t Int(int64_t value) {
    uint32_t id;
    Add(&id, "int")->set_int_value(value);
    return id;
  }
  uint32_t Str(std::string_view value) {
    uint32_t id;
    Add(&id, "str")->set_str(std::string(value));
    return id;
  }
  uint32_t Tuple(const std::vector<uint32_t>& items) {
    uint32_t id;
    proto::Sequence* sequence = Add(&id, "tuple")->mutable_sequence();
    sequence->set_kind(proto::Sequence::TUPLE);
    for (uint32_t item : items) sequence->add_item(item);
    return id;
  }
  uint32_t Type(std::string_view name, std::string_view module, bool heap) {
    proto::Type type;
    type.set_name(String(name));
    type.set_qualname(type.name());
    type.set_module(String(module));
    type.set_heap(heap);
    *objects_.add_object()->mutable_type_value() = type;
    return static_cast<uint32_t>(objects_.object_size());
  }
  uint32_t Code(std::string_view name, std::string_view file) {
    uint32_t id;
    proto::Code code;
    code.set_name(String(name));
    code.set_qualname(code.name());
    code.set_filename(String(file));
    *Add(&id, "code")->mutable_code() = code;
    return id;
  }
  uint32_t Exception(std::string_view type, const std::vector<uint32_t>& args) {
    uint32_t id;
    const uint32_t tuple = Tuple(args);
    Add(&id, type)->mutable_exception()->set_args(tuple);
    return id;
  }
  proto::Object* object(uint32_t id) { return objects_.mutable_object(static_cast<int>(id) - 1); }

  proto::Header& header() { return header_; }
  proto::Trailer& trailer() { return trailer_; }
  proto::Record& Record() { return records_.emplace_back(); }

  std::string Bytes() const {
    std::string out;
    auto writer = SnapshotWriter::Create(std::make_unique<StringSink>(&out));
    proto::Record record;
    *record.mutable_header() = header_;
    EXPECT_TRUE((*writer)->Add(record).ok());
    *record.mutable_strings() = strings_;
    EXPECT_TRUE((*writer)->Add(record).ok());
    *record.mutable_objects() = objects_;
    EXPECT_TRUE((*writer)->Add(record).ok());
    for (const proto::Record& each : records_) EXPECT_TRUE((*writer)->Add(each).ok());
    EXPECT_TRUE((*writer)->Finish(trailer_).ok());
    return out;
  }

  std::unique_ptr<LoadedSnapshot> Load() const {
    auto snapshot = LoadedSnapshot::Parse(Bytes());
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *std::move(snapshot);
  }

 private:
  proto::Header header_;
  proto::Trailer trailer_;
  proto::StringTable strings_;
  proto::ObjectBatch objects_;
  std::vector<proto::Record> records_;
};

}  // namespace pysnap::format

#endif  // PYSNAP_TESTS_UNIT_FORMAT_TEST_SNAPSHOT_H_
