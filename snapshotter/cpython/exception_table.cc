#include "snapshotter/cpython/exception_table.h"

#include <cstddef>
#include <optional>

namespace pysnap {
namespace {

// Groups of 6 bits, the most significant first; all but the last have kContinues. The first of an entry has kStart.
constexpr uint8_t kContinues = 0x40;
constexpr uint8_t kValueBits = 0x3f;
// More than any code object has bytes.
constexpr int64_t kMaxValue = int64_t{1} << 28;
constexpr int32_t kUnit = 2;

std::optional<int32_t> ReadNumber(const std::string& table, size_t* at) {
  int64_t value = 0;
  while (*at < table.size()) {
    const auto byte = static_cast<uint8_t>(table[(*at)++]);
    value = value << 6 | (byte & kValueBits);
    if (value > kMaxValue) return std::nullopt;
    if ((byte & kContinues) == 0) return static_cast<int32_t>(value);
  }
  return std::nullopt;
}

}  // namespace

std::vector<ExceptionRange> ParseExceptionTable(const std::string& table) {
  std::vector<ExceptionRange> ranges;
  for (size_t at = 0; at < table.size();) {
    const auto begin = ReadNumber(table, &at);
    const auto size = ReadNumber(table, &at);
    const auto handler = ReadNumber(table, &at);
    const auto depth = ReadNumber(table, &at);
    if (!begin || !size || !handler || !depth) break;
    ranges.push_back({*begin * kUnit, (*begin + *size) * kUnit, *handler * kUnit, *depth >> 1, (*depth & 1) != 0});
  }
  return ranges;
}

const ExceptionRange* FindRange(const std::vector<ExceptionRange>& ranges, int32_t offset) {
  for (const ExceptionRange& range : ranges) {
    if (range.begin <= offset && offset < range.end) return &range;
  }
  return nullptr;
}

}  // namespace pysnap
