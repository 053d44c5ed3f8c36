// Turns what the crawler and the walkers find into the records of a snapshot file.
#ifndef PYSNAP_CAPTURE_SNAPSHOT_BUILDER_H_
#define PYSNAP_CAPTURE_SNAPSHOT_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/format/snapshot_writer.h"
#include "snapshotter/objects/graph_crawler.h"

namespace pysnap {

// Batches objects and strings into records as they come. The first error of the writer is kept and ends all further
// writing; it is returned by Finish.
class SnapshotBuilder : public ObjectSink {
 public:
  // `writer` outlives the builder. The header is written at once.
  SnapshotBuilder(SnapshotWriter& writer, const proto::Header& header);

  void OnObject(uint32_t id, proto::Object& object) override;
  void OnString(uint32_t id, absl::string_view text) override;

  void AddThread(const proto::Thread& thread);
  void AddTask(const proto::Task& task);
  void AddGreenlet(const proto::Greenlet& greenlet);
  void AddProcessState(const proto::ProcessState& state);
  void AddException(const proto::CrashException& exception);
  void AddProblem(absl::string_view where, absl::string_view reason);
  void AddSource(absl::string_view filename, absl::string_view content);

  // The file names of the code that frames of the snapshot run (co_filename), without repetition, in the order in which
  // they came up. Complete when the crawl is over.
  std::vector<std::string> FrameFilenames() const;

  // Writes what is still held back, and the trailer. `trailer` needs only what the builder cannot know: times and
  // whether the capture was whole.
  absl::Status Finish(proto::Trailer trailer);

 private:
  void Add(const proto::Record& record);
  void FlushObjects();
  void FlushStrings();
  void NoteFrame(const proto::Frame& frame);

  SnapshotWriter& writer_;
  absl::Status status_;
  std::string batch_;      // a serialized ObjectBatch
  proto::Record strings_;  // a StringTable
  size_t string_bytes_ = 0;
  uint64_t object_count_ = 0;
  uint64_t string_count_ = 0;
  // What FrameFilenames needs: code objects of frames in order, the string id of each code object's file name, and the
  // texts of those strings.
  std::vector<uint32_t> frame_codes_;
  absl::flat_hash_set<uint32_t> frame_codes_seen_;
  absl::flat_hash_map<uint32_t, uint32_t> code_filenames_;
  std::vector<std::string> texts_;
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_SNAPSHOT_BUILDER_H_
