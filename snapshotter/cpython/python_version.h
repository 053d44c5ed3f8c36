// Which version of CPython a module is, from what it has in memory.
#ifndef PYSNAP_CPYTHON_PYTHON_VERSION_H_
#define PYSNAP_CPYTHON_PYTHON_VERSION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The version of PY_VERSION_HEX that a sys.version begins with: "3.9.18 (main, …) \n[GCC 12.2.0]" is 0x030912f0.
// Nothing when `text` does not begin like that.
std::optional<uint32_t> ParseSysVersion(absl::string_view text);

// The version by Py_GetVersion()'s static buffer (Python/getversion.c), which sys.version is made of when the
// interpreter starts: found by its form in a module's writable memory. For versions without the symbol Py_Version
// (before 3.11). Nothing when it is not there, or when there are different ones.
std::optional<uint32_t> FindSysVersion(Memory& memory, AddressRange writable);

inline int MajorVersion(uint32_t hex_version) { return static_cast<int>(hex_version >> 24); }
inline int MinorVersion(uint32_t hex_version) { return static_cast<int>(hex_version >> 16 & 0xff); }
// Alphas and betas, whose structs may still change. (Release candidates are as the final release.)
inline bool IsUnstable(uint32_t hex_version) { return (hex_version >> 4 & 0xf) < 0xc; }

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_PYTHON_VERSION_H_
