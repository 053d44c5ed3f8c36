#include "replay_ext/core/snapshot_file.h"

#include <exception>
#include <protozero/pbf_reader.hpp>
#include <utility>

namespace pysnap::replay {
namespace {

constexpr uint32_t kFormat = 1;
// Ids are 32 bits; this many objects also bounds what an empty object (2 bytes) costs us in memory.
constexpr size_t kMaxObjects = size_t{1} << 28;

void AddAll(Bytes table, std::vector<Bytes>& to) {
  protozero::pbf_reader reader(table.data(), table.size());
  while (reader.next()) {
    if (reader.tag() != 1 || reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
      reader.skip();
      continue;
    }
    const protozero::data_view view = reader.get_view();
    if (to.size() < kMaxObjects) to.emplace_back(view.data(), view.size());
  }
}

}  // namespace

bool SnapshotFile::Read(const std::string& path, std::string* error, int* error_number) {
  *error_number = 0;
  std::optional<std::string> bytes = format::ReadWholeFile(path, error, error_number);
  if (!bytes) return false;
  bytes_ = *std::move(bytes);
  strings.assign(1, Bytes());
  objects.assign(1, Bytes());
  bool known_format = true;
  std::string broken;
  const auto visit = [&](uint32_t kind, Bytes payload) {
    try {
      switch (kind) {
        case format::kHeaderRecord:
          header = Header(payload);
          known_format = header.format == kFormat;
          return known_format;
        case format::kStringsRecord:
          AddAll(payload, strings);
          break;
        case format::kObjectsRecord:
          AddAll(payload, objects);
          break;
        case format::kThreadRecord:
          threads.push_back(payload);
          break;
        case format::kTaskRecord:
          tasks.push_back(payload);
          break;
        case format::kGreenletRecord:
          greenlets.push_back(payload);
          break;
        case format::kExceptionRecord:
          has_exception = true;
          exception = payload;
          break;
        case format::kProblemRecord:
          problems.push_back(payload);
          break;
        case format::kSourceRecord:
          sources.push_back(payload);
          break;
        case format::kTrailerRecord:
          trailer = Trailer(payload);
          has_trailer = true;
          break;
        default:
          break;
      }
    } catch (const protozero::exception& problem) {
      broken = std::string("a record cannot be parsed: ") + problem.what();
      return false;
    }
    return true;
  };
  const format::StreamEnd end = format::ReadRecords(bytes_, buffers_, visit);
  cut = end.cut;
  if (!end.damage.empty()) {
    *error = end.damage;
  } else if (!known_format) {
    *error = "format " + std::to_string(header.format) + " is newer than this pysnap";
  } else {
    *error = broken;
  }
  return error->empty();
}

}  // namespace pysnap::replay
