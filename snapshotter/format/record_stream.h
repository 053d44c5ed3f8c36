// Reads the framing of a snapshot file: the stream of records, compressed runs opened. Uses only protozero and zstd, so
// that the replay extension shares it; what a record means is its caller's.
//
//   std::string error;
//   std::optional<std::string> file = ReadWholeFile(path, &error);
//   RecordBuffers buffers;
//   StreamEnd end = ReadRecords(*file, buffers, [&](uint32_t kind, std::string_view payload) { …; return true; });
//
#ifndef PYSNAP_FORMAT_RECORD_STREAM_H_
#define PYSNAP_FORMAT_RECORD_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pysnap::format {

// Field numbers of proto.Record.
enum RecordKind : uint32_t {
  kHeaderRecord = 1,
  kStringsRecord = 2,
  kObjectsRecord = 3,
  kThreadRecord = 4,
  kExceptionRecord = 5,
  kProblemRecord = 6,
  kSourceRecord = 7,
  kTrailerRecord = 8,
  kZstdRecord = 9,
  kTaskRecord = 10,
  kGreenletRecord = 11,
  kProcessStateRecord = 12,
};

// Limits on what a file may make us allocate. A compressed run is refused beyond the first; all runs of a file
// together may not grow beyond the second plus the file's size times the third.
inline constexpr uint64_t kMaxRunBytes = uint64_t{1} << 30;
inline constexpr uint64_t kFreeTotalBytes = uint64_t{1} << 28;
inline constexpr uint64_t kMaxRatio = 4096;

// Owns the decompressed runs: the payloads given to a visitor point into it or into the file's bytes.
class RecordBuffers {
 public:
  char* Add(size_t size);
  uint64_t total() const { return total_; }

 private:
  std::deque<std::unique_ptr<char[]>> runs_;
  uint64_t total_ = 0;
};

struct StreamEnd {
  // The file ends inside a record; everything before was visited.
  bool cut = false;
  // Why this is not a snapshot or is damaged, in one line; what was visited before it is not to be trusted. Empty:
  // fine.
  std::string damage;
  // The visitor returned false.
  bool stopped = false;
};

// Called with a record's kind (never kZstdRecord) and its serialized message. False ends the walk.
using RecordVisitor = std::function<bool(uint32_t kind, std::string_view payload)>;

// Visits every record of `file` in order. The first record must be a header; a record of an unknown kind is visited
// too. Payloads stay valid as long as `file` and `buffers` do, unless `reuse_buffers`: then until the visitor returns.
StreamEnd ReadRecords(std::string_view file,
                      RecordBuffers& buffers,
                      const RecordVisitor& visit,
                      bool reuse_buffers = false);

// The bytes of a regular file; nothing and `error` (strerror-like, and errno kept in `error_number`) when unreadable.
std::optional<std::string> ReadWholeFile(const std::string& path, std::string* error, int* error_number = nullptr);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_RECORD_STREAM_H_
