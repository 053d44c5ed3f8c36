#include "snapshotter/cpython/behaviours/unicode_state.h"

namespace pysnap {
namespace {

constexpr uint32_t kInterned = 3;
constexpr int kKindShift = 2;
constexpr uint32_t kKindMask = 7;
constexpr uint32_t kCompact = 1 << 5;
constexpr uint32_t kAscii = 1 << 6;
constexpr uint32_t kReady = 1 << 7;

}  // namespace

UnicodeState UnicodeStateAlwaysReady(uint32_t bits) {
  return {(bits >> kKindShift) & kKindMask, (bits & kCompact) != 0, (bits & kAscii) != 0, (bits & kInterned) != 0};
}

UnicodeState UnicodeStateWithReady(uint32_t bits) {
  UnicodeState state = UnicodeStateAlwaysReady(bits);
  if ((bits & kReady) == 0) state.kind = 0;
  return state;
}

}  // namespace pysnap
