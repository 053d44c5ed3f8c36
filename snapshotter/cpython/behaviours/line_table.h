// The four encodings of a code object's line table.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_LINE_TABLE_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_LINE_TABLE_H_

#include <cstdint>
#include <string>

namespace pysnap {

// Where an instruction stands in its source. Lines count from 1, columns are UTF-8 byte offsets from 0.
// -1: the table says that there is none.
struct SourcePosition {
  int32_t line = -1;
  int32_t end_line = -1;
  int32_t column = -1;
  int32_t end_column = -1;
};

// Finds the position of the instruction at byte offset `lasti`; a `lasti` below 0 (not started) is the first line.
// A malformed table yields no position; it is never read beyond its end.
using FindPosition = SourcePosition (*)(const std::string& table, int32_t first_line, int32_t lasti);

// co_lnotab of 3.8 and 3.9 (Objects/lnotab_notes.txt).
SourcePosition PositionFromLnotab(const std::string& table, int32_t first_line, int32_t lasti);
// co_linetable of 3.10 (PEP 626).
SourcePosition PositionFromLineRanges(const std::string& table, int32_t first_line, int32_t lasti);
// co_linetable of 3.11+ (PEP 657, Objects/locations.md).
SourcePosition PositionFromLocations(const std::string& table, int32_t first_line, int32_t lasti);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_LINE_TABLE_H_
