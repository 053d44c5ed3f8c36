#include "snapshotter/format/unicode_printable.h"

#include <algorithm>
#include <iterator>

namespace pysnap::format {
namespace {

struct Hole {
  uint32_t first;
  uint32_t last;
  uint8_t versions;  // bit N: not printable in 3.(kFirstMinor + N)
};

constexpr Hole kHoles[] = {
#include "snapshotter/format/unicode_printable.inc"
};

constexpr uint32_t kFirstMinor = 8;
constexpr uint32_t kLastBit = 7;

}  // namespace

bool IsPrintable(uint32_t code, uint32_t minor) {
  if (code >= 0x20 && code < 0x7f) return true;
  const auto* hole = std::lower_bound(std::begin(kHoles), std::end(kHoles), code,
                                      [](const Hole& h, uint32_t c) { return h.last < c; });
  if (hole == std::end(kHoles) || code < hole->first) return true;
  const uint32_t bit = std::min(std::max(minor, kFirstMinor) - kFirstMinor, kLastBit);
  return (hole->versions >> bit & 1) == 0;
}

}  // namespace pysnap::format
