// Writes a snapshot file, record by record.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<SnapshotWriter> writer, SnapshotWriter::Create(path));
//   RETURN_IF_ERROR(writer->Add(header_record));
//   ...
//   RETURN_IF_ERROR(writer->Finish(trailer));
#ifndef PYSNAP_FORMAT_SNAPSHOT_WRITER_H_
#define PYSNAP_FORMAT_SNAPSHOT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/format/byte_sink.h"

struct ZSTD_CCtx_s;

namespace pysnap {

// Destroyed without Finish, it leaves nothing behind. Errors of the sink are Unavailable (the output could not be
// written, exit code 6) and final: every later call returns the same. Not thread-safe.
class SnapshotWriter {
 public:
  // Writes to a temporary file beside `path`, which Finish renames; see FileSink.
  static absl::StatusOr<std::unique_ptr<SnapshotWriter>> Create(std::string path);
  static absl::StatusOr<std::unique_ptr<SnapshotWriter>> Create(std::unique_ptr<ByteSink> sink);
  ~SnapshotWriter();

  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  // The first record is the header; it stays uncompressed. ResourceExhausted, with nothing written, for a record of
  // more than kMaxRecordBytes: a caller may go on without it.
  absl::Status Add(const proto::Record& record);

  // The same for a record whose content is serialized already: `kind` is its field number in proto::Record.
  absl::Status AddSerialized(uint32_t kind, absl::string_view content);

  // Writes the trailer, also uncompressed, and commits the file.
  absl::Status Finish(const proto::Trailer& trailer);

  // Bytes that reached the sink so far.
  uint64_t bytes_written() const { return bytes_written_; }

  static constexpr size_t kRunBytes = size_t{4} << 20;           // uncompressed, of one zstd frame
  static constexpr size_t kMaxRecordBytes = size_t{1000} << 20;  // readers refuse more than 1 GiB

 private:
  explicit SnapshotWriter(std::unique_ptr<ByteSink> sink);

  // Puts the record's framing for `size` bytes of record at the end of the run, after making room for it.
  absl::Status BeginRecord(size_t size);
  absl::Status EndRecord();
  absl::Status FlushCompressed();
  absl::Status FlushPlain();
  absl::Status Write(absl::string_view bytes);

  std::unique_ptr<ByteSink> sink_;
  ZSTD_CCtx_s* zstd_;
  std::string run_;         // framed records that were not written yet
  std::string compressed_;  // reused from run to run
  uint64_t bytes_written_ = 0;
  bool header_written_ = false;
  absl::Status error_;
};

}  // namespace pysnap

#endif  // PYSNAP_FORMAT_SNAPSHOT_WRITER_H_
