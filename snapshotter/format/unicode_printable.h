// str.isprintable() of each CPython.
#ifndef PYSNAP_FORMAT_UNICODE_PRINTABLE_H_
#define PYSNAP_FORMAT_UNICODE_PRINTABLE_H_

#include <cstdint>

namespace pysnap::format {

// Whether repr() of CPython 3.`minor` writes the code point as it is. For a version beyond the table: as the last in
// it.
bool IsPrintable(uint32_t code, uint32_t minor);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_UNICODE_PRINTABLE_H_
