// A whole snapshot in memory, for those who print it.
#ifndef PYSNAP_FORMAT_LOADED_SNAPSHOT_H_
#define PYSNAP_FORMAT_LOADED_SNAPSHOT_H_

#include <google/protobuf/arena.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/format/record_stream.h"

namespace pysnap::format {

// Every reference is checked: an id that the file does not hold gives nothing. Objects are parsed when they are asked
// for, so that a snapshot of millions of them is printed as fast as one of a few. Not thread-safe, as that is cached.
class LoadedSnapshot {
 public:
  // NotFound or PermissionDenied when the file cannot be opened, DataLoss when it is no snapshot. A damaged or cut-off
  // file that begins as a snapshot is loaded as far as it goes; `damage` says what is wrong with it.
  static absl::StatusOr<std::unique_ptr<LoadedSnapshot>> Load(const std::string& path);
  static absl::StatusOr<std::unique_ptr<LoadedSnapshot>> Parse(std::string file);

  LoadedSnapshot(const LoadedSnapshot&) = delete;
  LoadedSnapshot& operator=(const LoadedSnapshot&) = delete;

  const proto::Header& header() const { return header_; }
  // All zero in a file that was cut off.
  const proto::Trailer& trailer() const { return trailer_; }
  // One line; empty when the file is whole.
  const std::string& damage() const { return damage_; }
  // The capture went to its end, no limit cut it, and the file is whole.
  bool complete() const { return damage_.empty() && trailer_.complete(); }

  // The main thread first, then by native id.
  const std::vector<const proto::Thread*>& threads() const { return threads_; }
  // asyncio's and trio's, in the order in which they are to be shown.
  const std::vector<const proto::Task*>& tasks() const { return tasks_; }
  // In the order in which they are to be shown.
  const std::vector<const proto::Greenlet*>& greenlets() const { return greenlets_; }
  // Null when the process was not stopped as a whole, or an older pysnap took the snapshot.
  const proto::ProcessState* process_state() const { return process_state_; }
  const std::vector<const proto::Problem*>& problems() const { return problems_; }
  // The exception this snapshot was taken for; null for an attach.
  const proto::CrashException* exception() const { return exception_; }

  uint64_t object_count() const { return objects_.size(); }
  // Null for 0 and for what the file does not hold. Valid as long as the snapshot.
  const proto::Object* object(uint32_t id) const;
  // Empty for 0 and for what the file does not hold.
  std::string_view string(uint32_t id) const;

  // Line `line` (from 1) of a captured source file as UTF-8, without its line ending; nothing when it is not there or
  // is in an encoding other than UTF-8, Latin-1 or ASCII.
  std::optional<std::string> SourceLine(std::string_view filename, uint32_t line) const;

 private:
  struct Source {
    std::string_view content;
    bool latin1 = false;
    bool readable = true;
    std::vector<size_t> line_starts;  // filled when first asked for
  };

  explicit LoadedSnapshot(std::string file) : file_(std::move(file)) {}

  absl::Status ReadAll();
  bool Visit(uint32_t kind, std::string_view payload);
  // Adds the items of a StringTable or an ObjectBatch (field 1 of either) to `out`.
  bool Index(std::string_view payload, std::vector<std::string_view>* out);
  template <typename Message>
  Message* ParseMessage(std::string_view payload);

  const std::string file_;
  RecordBuffers buffers_;
  mutable google::protobuf::Arena arena_;
  proto::Header header_;
  proto::Trailer trailer_;
  bool has_trailer_ = false;
  std::string damage_;
  std::vector<const proto::Thread*> threads_;
  std::vector<const proto::Task*> tasks_;
  std::vector<const proto::Greenlet*> greenlets_;
  const proto::ProcessState* process_state_ = nullptr;
  std::vector<const proto::Problem*> problems_;
  const proto::CrashException* exception_ = nullptr;
  std::vector<std::string_view> strings_;
  std::vector<std::string_view> objects_;
  mutable absl::flat_hash_map<uint32_t, const proto::Object*> parsed_;
  mutable absl::flat_hash_map<std::string, Source> sources_;
};

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_LOADED_SNAPSHOT_H_
