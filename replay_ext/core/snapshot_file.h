// A snapshot file opened for rebuilding: its records sorted by kind, still serialized. Owns all bytes.
#ifndef PYSNAP_REPLAY_SNAPSHOT_FILE_H_
#define PYSNAP_REPLAY_SNAPSHOT_FILE_H_

#include <string>
#include <vector>

#include "replay_ext/core/messages.h"
#include "snapshotter/format/record_stream.h"

namespace pysnap::replay {

struct SnapshotFile {
  Header header;
  bool has_trailer = false;
  Trailer trailer;
  bool cut = false;            // the file ends inside a record
  std::vector<Bytes> strings;  // by string id; [0] is empty
  std::vector<Bytes> objects;  // serialized, by object id; [0] is empty
  std::vector<Bytes> threads;
  std::vector<Bytes> tasks;
  std::vector<Bytes> greenlets;
  std::vector<Bytes> problems;
  std::vector<Bytes> sources;
  bool has_exception = false;
  Bytes exception;

  // The text of a string id, empty for one that is not there.
  Bytes Text(uint32_t id) const { return id < strings.size() ? strings[id] : Bytes(); }

  // Reads `path`. False with `error` in one line when it cannot be opened (error_number is set) or is damaged (0).
  bool Read(const std::string& path, std::string* error, int* error_number);

 private:
  std::string bytes_;
  format::RecordBuffers buffers_;
};

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_SNAPSHOT_FILE_H_
