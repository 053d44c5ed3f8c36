#include "snapshotter/format/record_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <protozero/pbf_reader.hpp>

namespace pysnap::format {
namespace {

constexpr uint32_t kRecordTag = 1;  // proto.Snapshot.record

// A record's bytes within a stream of `repeated Record record = 1`.
enum class Next { kRecord, kEnd, kCut, kDamaged };

bool ReadVarint(std::string_view& rest, uint64_t& value, bool& cut) {
  value = 0;
  for (unsigned i = 0; i < 10; ++i) {
    if (i >= rest.size()) {
      cut = true;
      return false;
    }
    const uint8_t byte = static_cast<uint8_t>(rest[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// Takes the next record off `rest`; for kCut `record` is the part of it that is there.
Next TakeRecord(std::string_view& rest, std::string_view& record) {
  if (rest.empty()) return Next::kEnd;
  bool cut = false;
  uint64_t tag = 0;
  uint64_t length = 0;
  record = {};
  if (!ReadVarint(rest, tag, cut)) return cut ? Next::kCut : Next::kDamaged;
  if (tag != (kRecordTag << 3 | 2)) return Next::kDamaged;
  if (!ReadVarint(rest, length, cut)) return cut ? Next::kCut : Next::kDamaged;
  record = rest.substr(0, std::min<uint64_t>(length, rest.size()));
  if (length > rest.size()) return Next::kCut;
  rest.remove_prefix(length);
  return Next::kRecord;
}

class Walk {
 public:
  Walk(std::string_view file, RecordBuffers& buffers, const RecordVisitor& visit, bool reuse)
      : buffers_(buffers), visit_(visit), reuse_(reuse), limit_(kFreeTotalBytes + file.size() * kMaxRatio) {}

  void Stream(std::string_view rest, bool compressed) {
    while (end_.damage.empty() && !end_.stopped) {
      std::string_view record;
      switch (TakeRecord(rest, record)) {
        case Next::kEnd:
          return;
        case Next::kRecord:
          Record(record, compressed, false);
          break;
        case Next::kCut:
          end_.cut = true;
          // A run that was cut off still has a readable beginning.
          if (!compressed) Record(record, compressed, true);
          return;
        case Next::kDamaged:
          if (end_.cut) return;  // the tail of a cut run
          Damage(any_ ? "a record's framing is broken" : "not a pysnap snapshot");
          return;
      }
    }
  }

  StreamEnd Finish() {
    if (end_.damage.empty() && !any_) {
      Damage(end_.cut ? "cut off before the end of its header" : "not a pysnap snapshot");
    }
    return std::move(end_);
  }

 private:
  void Damage(const char* why) { end_.damage = why; }

  void Record(std::string_view record, bool compressed, bool cut) {
    try {
      protozero::pbf_reader reader(record.data(), record.size());
      while (!end_.stopped && end_.damage.empty() && reader.next()) {
        const uint32_t kind = reader.tag();
        if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
          reader.skip();
          continue;
        }
        if (cut && kind == kZstdRecord) {
          CutRun(record);
          return;
        }
        const protozero::data_view view = reader.get_view();
        if (cut) return;  // cannot be whole
        Payload(kind, std::string_view(view.data(), view.size()), compressed);
      }
    } catch (const protozero::exception&) {
      if (!cut) Damage(any_ ? "a record cannot be parsed" : "not a pysnap snapshot");
    }
  }

  void Payload(uint32_t kind, std::string_view payload, bool compressed) {
    if (kind == kZstdRecord) {
      if (compressed) return Damage("a compressed run inside a compressed run");
      return Run(payload);
    }
    if (!any_ && kind != kHeaderRecord) return Damage("not a pysnap snapshot");
    any_ = true;
    if (!visit_(kind, payload)) end_.stopped = true;
  }

  // Makes room for a run of the size its zstd frame declares; null when refused.
  char* Room(std::string_view frame, size_t& size) {
    const unsigned long long declared = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (declared == ZSTD_CONTENTSIZE_UNKNOWN || declared == ZSTD_CONTENTSIZE_ERROR || declared > kMaxRunBytes ||
        seen_ + declared > limit_) {
      return nullptr;
    }
    seen_ += declared;
    size = static_cast<size_t>(declared);
    if (!reuse_) return buffers_.Add(size);
    scratch_.resize(size);
    return scratch_.data();
  }

  void Run(std::string_view frame) {
    size_t size = 0;
    char* out = Room(frame, size);
    if (out == nullptr) return Damage("a compressed run declares no size, or an absurd one");
    const size_t got = ZSTD_decompress(out, size, frame.data(), frame.size());
    if (ZSTD_isError(got) || got != size) return Damage("a compressed run cannot be decompressed");
    Stream(std::string_view(out, size), true);
    if (end_.cut) Damage("a compressed run ends inside a record");
  }

  void CutRun(std::string_view record) {
    // record = tag, length, then as much of the frame as there is.
    bool cut = false;
    uint64_t tag = 0;
    uint64_t length = 0;
    if (!ReadVarint(record, tag, cut) || !ReadVarint(record, length, cut)) return;
    size_t size = 0;
    char* out = Room(record, size);
    if (out == nullptr) return;
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
    if (stream == nullptr) return;
    ZSTD_inBuffer in = {record.data(), record.size(), 0};
    ZSTD_outBuffer result = {out, size, 0};
    while (in.pos < in.size && result.pos < result.size) {
      const size_t before = in.pos + result.pos;
      if (ZSTD_isError(ZSTD_decompressStream(stream.get(), &result, &in)) || in.pos + result.pos == before) break;
    }
    Stream(std::string_view(out, result.pos), true);
  }

  RecordBuffers& buffers_;
  const RecordVisitor& visit_;
  const bool reuse_;
  const uint64_t limit_;
  uint64_t seen_ = 0;
  bool any_ = false;
  std::string scratch_;
  StreamEnd end_;
};

}  // namespace

char* RecordBuffers::Add(size_t size) {
  std::unique_ptr<char[]> run(new (std::nothrow) char[size > 0 ? size : 1]);
  if (run == nullptr) return nullptr;
  total_ += size;
  runs_.push_back(std::move(run));
  return runs_.back().get();
}

StreamEnd ReadRecords(std::string_view file, RecordBuffers& buffers, const RecordVisitor& visit, bool reuse_buffers) {
  Walk walk(file, buffers, visit, reuse_buffers);
  walk.Stream(file, false);
  return walk.Finish();
}

std::optional<std::string> ReadWholeFile(const std::string& path, std::string* error, int* error_number) {
  const auto fail = [&](int number) -> std::optional<std::string> {
    if (error != nullptr) *error = std::strerror(number);
    if (error_number != nullptr) *error_number = number;
    return std::nullopt;
  };
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(errno);
  // Not fstat: with it the replay extension would need glibc 2.33.
  struct statx info {};
  std::string bytes;
  int failed = statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &info) != 0 ? errno
               : S_ISDIR(info.stx_mode)                                          ? EISDIR
               : S_ISREG(info.stx_mode)                                          ? 0
                                                                                 : EINVAL;
  if (failed == 0) {
    bytes.resize(static_cast<size_t>(info.stx_size));
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = read(fd, bytes.data() + done, bytes.size() - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) failed = errno;
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    bytes.resize(done);
  }
  close(fd);
  if (failed != 0) return fail(failed);
  return bytes;
}

}  // namespace pysnap::format
