#include "snapshotter/format/position_table.h"

namespace pysnap::format {
namespace {

constexpr uint32_t kUnitBytes = 2;  // an entry counts code units of two bytes

// Varints of six bits a byte, the lowest first; the seventh bit says that another follows.
bool TakeVarint(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 36; shift += 6) {
    if (in->empty()) return false;
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x3f) << shift;
    if ((byte & 0x40) == 0) return true;
  }
  return false;
}

bool TakeSigned(std::string_view* in, int64_t* value) {
  uint64_t encoded;
  if (!TakeVarint(in, &encoded)) return false;
  *value = (encoded & 1) != 0 ? -static_cast<int64_t>(encoded >> 1) : static_cast<int64_t>(encoded >> 1);
  return true;
}

bool TakeByte(std::string_view* in, uint32_t* value) {
  if (in->empty()) return false;
  *value = static_cast<unsigned char>(in->front());
  in->remove_prefix(1);
  return true;
}

std::optional<uint32_t> ColumnFrom(uint64_t plus_one) {
  if (plus_one == 0) return std::nullopt;
  return static_cast<uint32_t>(plus_one - 1);
}

}  // namespace

std::optional<SourcePosition> FindPosition(std::string_view table, uint32_t first_line, uint32_t lasti) {
  constexpr uint32_t kLastShort = 9;
  constexpr uint32_t kFirstOneLine = 10;
  constexpr uint32_t kLastOneLine = 12;
  constexpr uint32_t kNoColumns = 13;
  constexpr uint32_t kLong = 14;

  int64_t line = first_line;
  uint64_t offset = 0;
  while (!table.empty()) {
    uint32_t head;
    if (!TakeByte(&table, &head) || (head & 0x80) == 0) return std::nullopt;
    const uint32_t code = head >> 3 & 15;
    const uint64_t end = offset + ((head & 7) + 1) * kUnitBytes;
    int64_t delta = 0;
    uint64_t more_lines = 0;
    uint32_t first;
    uint32_t second;
    SourcePosition position;
    bool has_line = true;
    if (code <= kLastShort) {
      if (!TakeByte(&table, &second)) return std::nullopt;
      position.column = code << 3 | second >> 4;
      position.end_column = *position.column + (second & 15);
    } else if (code <= kLastOneLine) {
      delta = code - kFirstOneLine;
      if (!TakeByte(&table, &first) || !TakeByte(&table, &second)) return std::nullopt;
      position.column = first;
      position.end_column = second;
    } else if (code == kNoColumns) {
      if (!TakeSigned(&table, &delta)) return std::nullopt;
    } else if (code == kLong) {
      uint64_t column;
      uint64_t end_column;
      if (!TakeSigned(&table, &delta) || !TakeVarint(&table, &more_lines) || !TakeVarint(&table, &column) ||
          !TakeVarint(&table, &end_column)) {
        return std::nullopt;
      }
      position.column = ColumnFrom(column);
      position.end_column = ColumnFrom(end_column);
    } else {
      has_line = false;
    }
    line += delta;
    if (lasti < end) {
      if (!has_line || line <= 0 || line > UINT32_MAX - UINT32_MAX / 2) return std::nullopt;
      position.line = static_cast<uint32_t>(line);
      position.end_line = static_cast<uint32_t>(line + static_cast<int64_t>(more_lines));
      return position;
    }
    offset = end;
  }
  return std::nullopt;
}

}  // namespace pysnap::format
