#include "snapshotter/format/snapshot_writer.h"

#include <zstd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

constexpr int kCompressionLevel = 1;
constexpr char kRecordTag = (1 << 3) | 2;  // Snapshot.record

void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

// Tag and length of a length-delimited field.
void AppendFieldHead(uint32_t number, size_t size, std::string* out) {
  AppendVarint((uint64_t{number} << 3) | 2, out);
  AppendVarint(size, out);
}

}  // namespace

SnapshotWriter::SnapshotWriter(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)), zstd_(ZSTD_createCCtx()) {}

SnapshotWriter::~SnapshotWriter() { ZSTD_freeCCtx(zstd_); }

absl::StatusOr<std::unique_ptr<SnapshotWriter>> SnapshotWriter::Create(std::string path) {
  ASSIGN_OR_RETURN(std::unique_ptr<FileSink> sink, FileSink::Create(std::move(path)));
  return Create(std::move(sink));
}

absl::StatusOr<std::unique_ptr<SnapshotWriter>> SnapshotWriter::Create(std::unique_ptr<ByteSink> sink) {
  std::unique_ptr<SnapshotWriter> writer(new SnapshotWriter(std::move(sink)));
  if (writer->zstd_ == nullptr) return absl::ResourceExhaustedError("no memory for a compressor");
  ZSTD_CCtx_setParameter(writer->zstd_, ZSTD_c_compressionLevel, kCompressionLevel);
  // A damaged run must be noticed, not read as other values.
  ZSTD_CCtx_setParameter(writer->zstd_, ZSTD_c_checksumFlag, 1);
  return writer;
}

absl::Status SnapshotWriter::BeginRecord(size_t size) {
  RETURN_IF_ERROR(error_);
  if (size > kMaxRecordBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a record of ", size, " bytes; the most is ", kMaxRecordBytes));
  }
  if (!run_.empty() && run_.size() + size > kRunBytes) RETURN_IF_ERROR(FlushCompressed());
  run_.push_back(kRecordTag);
  AppendVarint(size, &run_);
  return absl::OkStatus();
}

absl::Status SnapshotWriter::EndRecord() {
  // The header alone and in the clear: what a file is can then be told from its first bytes.
  if (!header_written_) {
    header_written_ = true;
    return FlushPlain();
  }
  return run_.size() >= kRunBytes ? FlushCompressed() : absl::OkStatus();
}

absl::Status SnapshotWriter::Add(const proto::Record& record) {
  const size_t size = record.ByteSizeLong();
  RETURN_IF_ERROR(BeginRecord(size));
  const size_t begin = run_.size();
  run_.resize(begin + size);
  record.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(run_.data() + begin));
  return EndRecord();
}

absl::Status SnapshotWriter::AddSerialized(uint32_t kind, absl::string_view content) {
  std::string head;
  AppendFieldHead(kind, content.size(), &head);
  RETURN_IF_ERROR(BeginRecord(head.size() + content.size()));
  run_.append(head).append(content.data(), content.size());
  return EndRecord();
}

absl::Status SnapshotWriter::Finish(const proto::Trailer& trailer) {
  RETURN_IF_ERROR(error_);
  RETURN_IF_ERROR(FlushCompressed());
  proto::Record record;
  *record.mutable_trailer() = trailer;
  const size_t size = record.ByteSizeLong();
  run_.push_back(kRecordTag);
  AppendVarint(size, &run_);
  record.AppendToString(&run_);
  RETURN_IF_ERROR(FlushPlain());
  error_ = sink_->Commit();
  return error_;
}

absl::Status SnapshotWriter::FlushCompressed() {
  if (run_.empty()) return absl::OkStatus();
  compressed_.resize(ZSTD_compressBound(run_.size()));
  const size_t size = ZSTD_compress2(zstd_, compressed_.data(), compressed_.size(), run_.data(), run_.size());
  if (ZSTD_isError(size)) {
    error_ = absl::ResourceExhaustedError(absl::StrCat("zstd: ", ZSTD_getErrorName(size)));
    return error_;
  }
  std::string field;
  AppendFieldHead(proto::Record::kZstdFieldNumber, size, &field);
  std::string head;
  AppendFieldHead(proto::Snapshot::kRecordFieldNumber, field.size() + size, &head);
  head += field;
  run_.clear();
  // An outsized record must not leave its memory behind.
  if (run_.capacity() > 4 * kRunBytes) run_.shrink_to_fit();
  RETURN_IF_ERROR(Write(head));
  RETURN_IF_ERROR(Write(absl::string_view(compressed_.data(), size)));
  if (compressed_.capacity() > 4 * kRunBytes) std::string().swap(compressed_);
  return absl::OkStatus();
}

absl::Status SnapshotWriter::FlushPlain() {
  absl::Status status = Write(run_);
  run_.clear();
  return status;
}

absl::Status SnapshotWriter::Write(absl::string_view bytes) {
  RETURN_IF_ERROR(error_);
  error_ = sink_->Append(bytes);
  if (error_.ok()) bytes_written_ += bytes.size();
  return error_;
}

}  // namespace pysnap
