#include "snapshotter/capture/snapshot_builder.h"

#include <google/protobuf/io/coded_stream.h>

#include <utility>

namespace pysnap {
namespace {

constexpr size_t kBatchBytes = size_t{256} << 10;
// Leaves room for the framing of a record that holds nothing else.
constexpr size_t kMaxObjectBytes = SnapshotWriter::kMaxRecordBytes - 64;

std::string ToStd(absl::string_view text) { return std::string(text.data(), text.size()); }

}  // namespace

SnapshotBuilder::SnapshotBuilder(SnapshotWriter& writer, const proto::Header& header) : writer_(writer) {
  proto::Record record;
  *record.mutable_header() = header;
  Add(record);
}

void SnapshotBuilder::OnObject(uint32_t id, proto::Object& object) {
  ++object_count_;
  if (object.has_code()) code_filenames_[id] = object.code().filename();
  if (object.has_frame()) NoteFrame(object.frame());
  if (object.has_generator() && object.generator().has_frame()) NoteFrame(object.generator().frame());

  // One element of ObjectBatch.object: tag, length, message.
  using google::protobuf::io::CodedOutputStream;
  constexpr uint8_t kTag = (proto::ObjectBatch::kObjectFieldNumber << 3) | 2;
  size_t size = object.ByteSizeLong();
  if (size > kMaxObjectBytes) {
    proto::Object cut;
    cut.set_address(object.address());
    cut.set_type(object.type());
    cut.mutable_absent()->set_reason(proto::Absent::LIMIT);
    cut.mutable_absent()->set_detail("larger than a snapshot file can hold");
    object = cut;
    size = object.ByteSizeLong();
  }
  if (batch_.size() + size > kBatchBytes) FlushObjects();
  const size_t start = batch_.size();
  batch_.resize(start + 1 + CodedOutputStream::VarintSize32(static_cast<uint32_t>(size)) + size);
  auto* out = reinterpret_cast<uint8_t*>(batch_.data() + start);
  *out++ = kTag;
  out = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(size), out);
  object.SerializeWithCachedSizesToArray(out);
  if (batch_.size() >= kBatchBytes) FlushObjects();
}

void SnapshotBuilder::OnString(uint32_t id, absl::string_view text) {
  (void)id;  // dense and in order, as the table needs it
  ++string_count_;
  texts_.push_back(ToStd(text));
  strings_.mutable_strings()->add_text(text.data(), text.size());
  string_bytes_ += text.size();
  if (string_bytes_ >= kBatchBytes) FlushStrings();
}

void SnapshotBuilder::AddThread(const proto::Thread& thread) {
  for (const proto::Frame& frame : thread.frame()) NoteFrame(frame);
  proto::Record record;
  *record.mutable_thread() = thread;
  Add(record);
}

void SnapshotBuilder::AddTask(const proto::Task& task) {
  proto::Record record;
  *record.mutable_task() = task;
  Add(record);
}

void SnapshotBuilder::AddGreenlet(const proto::Greenlet& greenlet) {
  for (const proto::Frame& frame : greenlet.frame()) NoteFrame(frame);
  proto::Record record;
  *record.mutable_greenlet() = greenlet;
  Add(record);
}

void SnapshotBuilder::AddProcessState(const proto::ProcessState& state) {
  proto::Record record;
  *record.mutable_process_state() = state;
  Add(record);
}

void SnapshotBuilder::AddException(const proto::CrashException& exception) {
  proto::Record record;
  *record.mutable_exception() = exception;
  Add(record);
}

void SnapshotBuilder::AddProblem(absl::string_view where, absl::string_view reason) {
  proto::Record record;
  record.mutable_problem()->set_where(ToStd(where));
  record.mutable_problem()->set_reason(ToStd(reason));
  Add(record);
}

void SnapshotBuilder::AddSource(absl::string_view filename, absl::string_view content) {
  proto::Record record;
  record.mutable_source()->set_filename(ToStd(filename));
  record.mutable_source()->set_content(ToStd(content));
  Add(record);
}

void SnapshotBuilder::NoteFrame(const proto::Frame& frame) {
  if (frame.code() != 0 && frame_codes_seen_.insert(frame.code()).second) frame_codes_.push_back(frame.code());
}

std::vector<std::string> SnapshotBuilder::FrameFilenames() const {
  std::vector<std::string> names;
  absl::flat_hash_set<uint32_t> seen;
  for (const uint32_t code : frame_codes_) {
    const auto it = code_filenames_.find(code);
    if (it == code_filenames_.end() || it->second == 0 || it->second > texts_.size()) continue;
    if (seen.insert(it->second).second) names.push_back(texts_[it->second - 1]);
  }
  return names;
}

absl::Status SnapshotBuilder::Finish(proto::Trailer trailer) {
  FlushStrings();
  FlushObjects();
  if (!status_.ok()) return status_;
  trailer.set_objects(object_count_);
  trailer.set_strings(string_count_);
  return writer_.Finish(trailer);
}

void SnapshotBuilder::Add(const proto::Record& record) {
  if (status_.ok()) status_ = writer_.Add(record);
}

void SnapshotBuilder::FlushObjects() {
  if (!batch_.empty() && status_.ok()) status_ = writer_.AddSerialized(proto::Record::kObjectsFieldNumber, batch_);
  batch_.clear();
}

void SnapshotBuilder::FlushStrings() {
  if (strings_.strings().text_size() > 0) Add(strings_);
  strings_.mutable_strings()->clear_text();
  string_bytes_ = 0;
}

}  // namespace pysnap
