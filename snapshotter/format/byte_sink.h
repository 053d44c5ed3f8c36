// Where a snapshot's bytes go: a file that appears whole or not at all, or memory.
#ifndef PYSNAP_FORMAT_BYTE_SINK_H_
#define PYSNAP_FORMAT_BYTE_SINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/unique_fd.h"

namespace pysnap {

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  virtual absl::Status Append(absl::string_view bytes) = 0;

  // Makes what was appended permanent. Called once, last.
  virtual absl::Status Commit() = 0;
};

class StringSink final : public ByteSink {
 public:
  // `out` outlives the sink.
  explicit StringSink(std::string* out) : out_(out) {}

  absl::Status Append(absl::string_view bytes) override {
    out_->append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Commit() override { return absl::OkStatus(); }

 private:
  std::string* out_;
};

// Writes a file (mode 0600) without a name in the folder of `path`; Commit syncs it and puts it at `path`, replacing a
// regular file or a symbolic link, never what the link points to. Where the file system has no files without a name it
// has a temporary one, and is removed again without Commit. Every error is Unavailable and says which file and why:
// "/x/a.pb: No space left on device".
class FileSink final : public ByteSink {
 public:
  static absl::StatusOr<std::unique_ptr<FileSink>> Create(std::string path);
  ~FileSink() override;

  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  absl::Status Append(absl::string_view bytes) override;
  absl::Status Commit() override;

 private:
  // To the file without one: `name_`, or a temporary one where that is taken.
  absl::Status GiveName();

  FileSink(std::string path, std::string name, std::string temporary_name, UniqueFd directory, UniqueFd file);

  std::string path_;            // as the user gave it, for messages
  std::string name_;            // inside directory_
  std::string temporary_name_;  // inside directory_; empty while there is none
  UniqueFd directory_;
  UniqueFd file_;
};

}  // namespace pysnap

#endif  // PYSNAP_FORMAT_BYTE_SINK_H_
