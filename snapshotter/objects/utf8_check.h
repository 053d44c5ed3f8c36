// Whether text from C is UTF-8.
#ifndef PYSNAP_OBJECTS_UTF8_CHECK_H_
#define PYSNAP_OBJECTS_UTF8_CHECK_H_

#include "absl/strings/string_view.h"

namespace pysnap {

// As Python's strict decoder has it: nothing overlong, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(absl::string_view text);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_UTF8_CHECK_H_
