// Where an int object keeps its sign and its digits.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_LONG_SHAPE_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_LONG_SHAPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Digits have 30 bits, in 4 bytes each, least significant first, on every 64-bit build.
inline constexpr int kLongDigitBits = 30;

struct LongShape {
  bool negative = false;
  uint64_t digit_count = 0;  // not bounded by anything yet
};

// Decodes the word that tells sign and size.
using DecodeLongShape = LongShape (*)(int64_t word);

// The word is ob_size, negative for negative numbers (to 3.11, Include/cpython/longintrepr.h).
LongShape LongFromObSize(int64_t word);
// The word is lv_tag: the count above 3 bits, of which the low two are 0 positive, 1 zero, 2 negative (3.12+, same
// file).
LongShape LongFromTag(int64_t word);

// Reads and decodes that word of the int at `object`.
absl::StatusOr<LongShape> ReadLongShape(const Runtime& runtime, Memory& memory, Address object);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_LONG_SHAPE_H_
