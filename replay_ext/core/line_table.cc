#include "replay_ext/core/line_table.h"

#include <algorithm>

namespace pysnap::replay {
namespace {

constexpr size_t kUnit = 2;
constexpr int kMaxLine = 1 << 30;

bool SaneLine(int64_t line) { return line > -kMaxLine && line < kMaxLine; }

void Fill(Positions& positions, size_t from, size_t to, const Position& position) {
  to = std::min(to, positions.size());
  for (size_t i = from; i < to; ++i) positions[i] = position;
}

// Pairs (bytes of code, signed line delta); the deltas apply from the accumulated address on.
bool DecodeLnotab(std::string_view table, int first_line, Positions& positions) {
  size_t address = 0;
  int64_t line = first_line;
  size_t from = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    const size_t step = static_cast<uint8_t>(table[i]);
    if (step != 0) {
      address += step;
      // An odd run is a long one split at 255: its second half follows with the same line.
      Fill(positions, from, (address + 1) / kUnit, {static_cast<int>(line), static_cast<int>(line), -1, -1});
      from = std::max(from, (address + 1) / kUnit);
    }
    line += static_cast<int8_t>(table[i + 1]);
    if (!SaneLine(line)) return false;
  }
  Fill(positions, from, positions.size(), {static_cast<int>(line), static_cast<int>(line), -1, -1});
  return true;
}

// Pairs (bytes of code, line delta applied before them; -128: no line).
bool DecodePep626(std::string_view table, int first_line, Positions& positions) {
  if (table.size() % 2 != 0) return false;
  size_t address = 0;
  int64_t line = first_line;
  for (size_t i = 0; i < table.size(); i += 2) {
    const size_t step = static_cast<uint8_t>(table[i]);
    const int delta = static_cast<int8_t>(table[i + 1]);
    Position position;
    if (delta != -128) {
      line += delta;
      if (!SaneLine(line)) return false;
      position.line = position.end_line = static_cast<int>(line);
    }
    Fill(positions, address / kUnit, (address + step) / kUnit, position);
    address += step;
  }
  return true;
}

class LocationReader {
 public:
  explicit LocationReader(std::string_view table) : table_(table) {}
  bool done() const { return at_ >= table_.size(); }
  bool ok() const { return ok_; }

  uint8_t Byte() {
    if (done()) {
      ok_ = false;
      return 0;
    }
    return static_cast<uint8_t>(table_[at_++]);
  }

  uint32_t Varint() {
    uint64_t value = 0;
    unsigned shift = 0;
    for (;;) {
      const uint8_t byte = Byte();
      // Bytes of 0x80 and above begin an entry; one inside an entry would put CPython's reader out of step.
      if (byte & 0x80 || shift > 30) ok_ = false;
      if (!ok_) return 0;
      value |= static_cast<uint64_t>(byte & 63) << shift;
      shift += 6;
      if (!(byte & 64)) return static_cast<uint32_t>(value & 0x7fffffff);
    }
  }

  int32_t SignedVarint() {
    const uint32_t value = Varint();
    return value & 1 ? -static_cast<int32_t>(value >> 1) : static_cast<int32_t>(value >> 1);
  }

  // The second byte of a short form, or a column: below 0x80 as all bytes inside an entry, which CPython asserts.
  uint8_t Plain() {
    const uint8_t byte = Byte();
    if (byte & 0x80) ok_ = false;
    return byte;
  }

 private:
  std::string_view table_;
  size_t at_ = 0;
  bool ok_ = true;
};

bool DecodeLocations(std::string_view table, int first_line, Positions& positions) {
  LocationReader reader(table);
  size_t unit = 0;
  int64_t line = first_line;
  while (!reader.done()) {
    const uint8_t first = reader.Byte();
    if (!(first & 0x80)) return false;
    const unsigned code = (first >> 3) & 15;
    const size_t length = (first & 7) + 1u;
    Position position;
    if (code == 15) {
      // no location
    } else if (code == 14) {
      line += reader.SignedVarint();
      position.line = static_cast<int>(line);
      position.end_line = static_cast<int>(line + reader.Varint());
      position.column = static_cast<int>(reader.Varint()) - 1;
      position.end_column = static_cast<int>(reader.Varint()) - 1;
    } else if (code == 13) {
      line += reader.SignedVarint();
      position.line = position.end_line = static_cast<int>(line);
    } else if (code >= 10) {
      line += code - 10;
      position.line = position.end_line = static_cast<int>(line);
      position.column = reader.Plain();
      position.end_column = reader.Plain();
    } else {
      const uint8_t second = reader.Plain();
      position.line = position.end_line = static_cast<int>(line);
      position.column = static_cast<int>(code * 8 + ((second >> 4) & 7));
      position.end_column = position.column + (second & 15);
    }
    if (!reader.ok() || !SaneLine(line) || !SaneLine(position.end_line)) return false;
    if (unit + length > positions.size()) return false;
    Fill(positions, unit, unit + length, position);
    unit += length;
  }
  return unit == positions.size();
}

// Calls fn(position, units) for each run of equal positions.
template <typename Same, typename Fn>
void ForEachRun(const Positions& positions, Same same, Fn fn) {
  for (size_t i = 0; i < positions.size();) {
    size_t end = i + 1;
    while (end < positions.size() && same(positions[end], positions[i])) ++end;
    fn(positions[i], end - i);
    i = end;
  }
}

bool SameLine(const Position& a, const Position& b) { return a.line == b.line; }

std::string EncodeLnotab(const Positions& positions, int first_line) {
  std::string table;
  int line = first_line;
  size_t pending = 0;  // bytes of code since the last line change
  ForEachRun(positions, SameLine, [&](const Position& position, size_t units) {
    // No line cannot be said in this format: the instruction keeps the line before it.
    int delta = position.line == Position::kNone ? 0 : position.line - line;
    if (delta != 0) {
      while (pending > 254) {
        table.append({static_cast<char>(254), 0});
        pending -= 254;
      }
      while (delta > 127 || delta < -128) {
        const int step = std::clamp(delta, -128, 127);
        table.append({static_cast<char>(pending), static_cast<char>(step)});
        pending = 0;
        delta -= step;
      }
      table.append({static_cast<char>(pending), static_cast<char>(delta)});
      pending = 0;
      line = position.line;
    }
    pending += units * kUnit;
  });
  return table;
}

std::string EncodePep626(const Positions& positions, int first_line) {
  std::string table;
  int line = first_line;
  ForEachRun(positions, SameLine, [&](const Position& position, size_t units) {
    size_t bytes = units * kUnit;
    if (position.line == Position::kNone) {
      for (; bytes > 0; bytes -= std::min<size_t>(bytes, 254)) {
        table.append({static_cast<char>(std::min<size_t>(bytes, 254)), static_cast<char>(-128)});
      }
      return;
    }
    int delta = position.line - line;
    line = position.line;
    while (delta > 127 || delta < -127) {
      const int step = std::clamp(delta, -127, 127);
      table.append({0, static_cast<char>(step)});
      delta -= step;
    }
    for (; bytes > 0; bytes -= std::min<size_t>(bytes, 254), delta = 0) {
      table.append({static_cast<char>(std::min<size_t>(bytes, 254)), static_cast<char>(delta)});
    }
  });
  return table;
}

void PutVarint(std::string& table, uint32_t value) {
  while (value >= 64) {
    table.push_back(static_cast<char>(64 | (value & 63)));
    value >>= 6;
  }
  table.push_back(static_cast<char>(value));
}

void PutSignedVarint(std::string& table, int value) {
  PutVarint(table, value < 0 ? (static_cast<uint32_t>(-value) << 1) | 1 : static_cast<uint32_t>(value) << 1);
}

std::string EncodeLocations(const Positions& positions, int first_line) {
  std::string table;
  int line = first_line;
  ForEachRun(
      positions, [](const Position& a, const Position& b) { return a == b; },
      [&](const Position& position, size_t units) {
        for (; units > 0; units -= std::min<size_t>(units, 8)) {
          const unsigned length = static_cast<unsigned>(std::min<size_t>(units, 8)) - 1;
          const auto begin = [&](unsigned code) { table.push_back(static_cast<char>(0x80 | code << 3 | length)); };
          if (position.line == Position::kNone) {
            begin(15);
            continue;
          }
          const bool columns = position.column >= 0 && position.end_column >= 0 && position.end_line >= position.line;
          begin(columns ? 14 : 13);
          PutSignedVarint(table, position.line - line);
          line = position.line;
          if (!columns) continue;
          PutVarint(table, static_cast<uint32_t>(position.end_line - position.line));
          PutVarint(table, static_cast<uint32_t>(position.column) + 1);
          PutVarint(table, static_cast<uint32_t>(position.end_column) + 1);
        }
      });
  return table;
}

}  // namespace

LineFormat LineFormatOf(unsigned minor) {
  if (minor < 10) return LineFormat::kLnotab;
  return minor == 10 ? LineFormat::kPep626 : LineFormat::kLocations;
}

bool DecodeLineTable(
    LineFormat format, std::string_view table, int first_line, size_t code_bytes, Positions& positions) {
  positions.assign((code_bytes + 1) / kUnit, Position());
  if (!SaneLine(first_line)) return false;
  switch (format) {
    case LineFormat::kLnotab:
      return DecodeLnotab(table, first_line, positions);
    case LineFormat::kPep626:
      return DecodePep626(table, first_line, positions);
    case LineFormat::kLocations:
      return DecodeLocations(table, first_line, positions);
  }
  return false;
}

std::string EncodeLineTable(LineFormat format, const Positions& positions, int first_line) {
  switch (format) {
    case LineFormat::kLnotab:
      return EncodeLnotab(positions, first_line);
    case LineFormat::kPep626:
      return EncodePep626(positions, first_line);
    case LineFormat::kLocations:
      return EncodeLocations(positions, first_line);
  }
  return {};
}

}  // namespace pysnap::replay
