// Where in the source an instruction is, from the location table of CPython 3.11 and later.
#ifndef PYSNAP_FORMAT_POSITION_TABLE_H_
#define PYSNAP_FORMAT_POSITION_TABLE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace pysnap::format {

struct SourcePosition {
  uint32_t line = 0;
  uint32_t end_line = 0;
  // Bytes of UTF-8 from 0.
  std::optional<uint32_t> column;
  std::optional<uint32_t> end_column;
};

// The position of the instruction at byte offset `lasti`. Nothing when the table does not tell, or contradicts itself.
// The format is described in CPython's Objects/locations.md (3.11; InternalDocs/code_objects.md from 3.14 on).
std::optional<SourcePosition> FindPosition(std::string_view table, uint32_t first_line, uint32_t lasti);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_POSITION_TABLE_H_
