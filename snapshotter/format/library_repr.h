// repr() of instances of the standard library's types, from their parts or attributes.
#ifndef PYSNAP_FORMAT_LIBRARY_REPR_H_
#define PYSNAP_FORMAT_LIBRARY_REPR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/snapshot.pb.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// A text, or an object whose repr() stands there.
struct ReprPiece {
  std::string text;
  uint32_t id = 0;
};
using ReprPieces = std::optional<std::vector<ReprPiece>>;
inline ReprPieces OnlyText(std::string text) { return std::vector<ReprPiece>{{.text = std::move(text)}}; }

// The repr() of an instance of just such a type; nothing for all others, and where what is captured does not tell it.
// Of what is longer than `max_characters` the beginning suffices; 0: no limit.
ReprPieces LibraryRepr(const LoadedSnapshot& snapshot, const proto::Object& object, size_t max_characters);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_LIBRARY_REPR_H_
