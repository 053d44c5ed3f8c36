// Python's repr() over the object graph of a snapshot, without running anything.
//
// Exact for builtin types. An instance of a class that may have a __repr__ of its own is `<module.Class object at 0x…>`
// as object.__repr__ writes it; what is absent says so in angle brackets.
#ifndef PYSNAP_FORMAT_REPR_H_
#define PYSNAP_FORMAT_REPR_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

struct ReprOptions {
  // Characters; 0: no limit (but kMaxReprBytes).
  size_t max_characters = 1000;
  // Show the builtin value inside an instance of a subclass as if it were the builtin itself.
  bool as_builtin = false;
};

// A graph of few objects can have a repr that no memory holds.
inline constexpr size_t kMaxReprBytes = size_t{256} << 20;

struct ReprText {
  // UTF-8; may hold whatever the target's names hold, control characters included.
  std::string text;
  // The text is only the beginning.
  bool truncated = false;
};

// Iterative: the depth of the graph does not matter.
ReprText Repr(const LoadedSnapshot& snapshot, uint32_t id, const ReprOptions& options = {});

// repr() of a str, as the CPython of the snapshot writes it.
std::string StrRepr(const LoadedSnapshot& snapshot, std::string_view text);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_REPR_H_
