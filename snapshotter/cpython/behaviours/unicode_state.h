// The bit field `state` of a str object.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_UNICODE_STATE_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_UNICODE_STATE_H_

#include <cstdint>

namespace pysnap {

struct UnicodeState {
  // Bytes per character: 1, 2 or 4; 0 for one that has only its wchar_t form (not ready, to 3.11).
  uint32_t kind = 0;
  // The characters follow the struct; otherwise it points to them.
  bool compact = false;
  bool ascii = false;
  bool interned = false;
};

using DecodeUnicodeState = UnicodeState (*)(uint32_t bits);

// interned:2 kind:3 compact:1 ascii:1 ready:1 (3.8 to 3.11, Include/cpython/unicodeobject.h).
UnicodeState UnicodeStateWithReady(uint32_t bits);
// The same without `ready`, which every string now is (3.12+, same file; default builds).
UnicodeState UnicodeStateAlwaysReady(uint32_t bits);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_UNICODE_STATE_H_
