// The four formats in which CPython 3.8-3.15 say which source position an instruction has: decoded from any, encoded
// for any, at the same byte offsets, so that f_lasti keeps its meaning in a frame rebuilt on another version.
#ifndef PYSNAP_REPLAY_LINE_TABLE_H_
#define PYSNAP_REPLAY_LINE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pysnap::replay {

struct Position {
  static constexpr int kNone = -1;
  int line = kNone;
  int end_line = kNone;
  int column = kNone;
  int end_column = kNone;
  bool operator==(const Position&) const = default;
};

// One position for each code unit (2 bytes) of bytecode.
using Positions = std::vector<Position>;

enum class LineFormat {
  kLnotab,     // 3.8, 3.9: Objects/lnotab_notes.txt
  kPep626,     // 3.10
  kLocations,  // 3.11 and later: Objects/locations.md
};

LineFormat LineFormatOf(unsigned minor);

// False when `table` does not parse within its bounds; kLocations also when it does not cover the bytecode exactly (its
// readers in CPython would run off its end).
bool DecodeLineTable(
    LineFormat format, std::string_view table, int first_line, size_t code_bytes, Positions& positions);

std::string EncodeLineTable(LineFormat format, const Positions& positions, int first_line);

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_LINE_TABLE_H_
