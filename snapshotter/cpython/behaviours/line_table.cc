#include "snapshotter/cpython/behaviours/line_table.h"

#include <optional>

namespace pysnap {
namespace {

constexpr int kCodeUnit = 2;

// Reads the bytes of a PEP 657 table one after the other.
class LocationReader {
 public:
  explicit LocationReader(const std::string& table) : table_(table) {}

  bool AtEnd() const { return next_ >= table_.size(); }

  std::optional<uint8_t> Byte() {
    if (AtEnd()) return std::nullopt;
    return static_cast<uint8_t>(table_[next_++]);
  }

  // Six bits a byte, least significant first; bit 6 says that more follow.
  std::optional<uint32_t> Varint() {
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 6) {
      const std::optional<uint8_t> byte = Byte();
      if (!byte) return std::nullopt;
      value |= static_cast<uint32_t>(*byte & 0x3f) << shift;
      if ((*byte & 0x40) == 0) return value;
    }
    return std::nullopt;
  }

  std::optional<int32_t> SignedVarint() {
    const std::optional<uint32_t> value = Varint();
    if (!value) return std::nullopt;
    const auto magnitude = static_cast<int32_t>(*value >> 1);
    return (*value & 1) != 0 ? -magnitude : magnitude;
  }

 private:
  const std::string& table_;
  size_t next_ = 0;
};

// Additions on hostile numbers; wrapping is harmless, undefined behaviour is not.
int32_t Add(int32_t a, int32_t b) { return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }

// Of tables that know no more.
SourcePosition LineOnly(int32_t line) { return {.line = line, .end_line = -1, .column = -1, .end_column = -1}; }

}  // namespace

SourcePosition PositionFromLnotab(const std::string& table, int32_t first_line, int32_t lasti) {
  int32_t line = first_line;
  int32_t address = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    address = Add(address, static_cast<uint8_t>(table[i]));
    if (address > lasti) break;
    line = Add(line, static_cast<int8_t>(table[i + 1]));
  }
  return LineOnly(line);
}

SourcePosition PositionFromLineRanges(const std::string& table, int32_t first_line, int32_t lasti) {
  constexpr int8_t kNoLine = -128;
  if (lasti < 0) return LineOnly(first_line);
  int32_t line = first_line;
  int32_t start = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    const int32_t end = Add(start, static_cast<uint8_t>(table[i]));
    const auto delta = static_cast<int8_t>(table[i + 1]);
    if (delta != kNoLine) line = Add(line, delta);
    if (start <= lasti && lasti < end) return delta == kNoLine ? SourcePosition() : LineOnly(line);
    start = end;
  }
  return {};
}

SourcePosition PositionFromLocations(const std::string& table, int32_t first_line, int32_t lasti) {
  constexpr int kOneLine0 = 10;
  constexpr int kNoColumns = 13;
  constexpr int kLong = 14;
  constexpr int kNone = 15;
  if (lasti < 0) return LineOnly(first_line);
  LocationReader reader(table);
  int32_t line = first_line;
  int32_t start = 0;
  while (!reader.AtEnd()) {
    const uint8_t head = *reader.Byte();
    if ((head & 0x80) == 0) return {};
    const int kind = (head >> 3) & 0x0f;
    const int32_t end = Add(start, ((head & 7) + 1) * kCodeUnit);
    SourcePosition position;
    if (kind == kNone) {
      // No position.
    } else if (kind == kLong) {
      const std::optional<int32_t> delta = reader.SignedVarint();
      const std::optional<uint32_t> end_delta = reader.Varint();
      const std::optional<uint32_t> column = reader.Varint();
      const std::optional<uint32_t> end_column = reader.Varint();
      if (!delta || !end_delta || !column || !end_column) return {};
      line = Add(line, *delta);
      position = {.line = line,
                  .end_line = Add(line, static_cast<int32_t>(*end_delta)),
                  .column = static_cast<int32_t>(*column) - 1,
                  .end_column = static_cast<int32_t>(*end_column) - 1};
    } else if (kind == kNoColumns) {
      const std::optional<int32_t> delta = reader.SignedVarint();
      if (!delta) return {};
      line = Add(line, *delta);
      position = {.line = line, .end_line = line, .column = -1, .end_column = -1};
    } else if (kind >= kOneLine0) {
      const std::optional<uint8_t> column = reader.Byte();
      const std::optional<uint8_t> end_column = reader.Byte();
      if (!column || !end_column) return {};
      line = Add(line, kind - kOneLine0);
      position = {.line = line, .end_line = line, .column = *column, .end_column = *end_column};
    } else {
      const std::optional<uint8_t> second = reader.Byte();
      if (!second) return {};
      const int column = (kind << 3) | ((*second >> 4) & 7);
      position = {.line = line, .end_line = line, .column = column, .end_column = column + (*second & 0x0f)};
    }
    if (start <= lasti && lasti < end) return position;
    start = end;
  }
  return {};
}

}  // namespace pysnap
