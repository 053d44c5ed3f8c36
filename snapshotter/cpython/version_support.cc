#include "snapshotter/cpython/version_support.h"

namespace pysnap {

// versions.def is written by CMake: one PYSNAP_CPYTHON_MINOR(N) for each of PYSNAP_CPYTHON_MINORS. A version that is
// listed there and has no versions/v3_N.cc does not link.
#define PYSNAP_CPYTHON_MINOR(minor) extern const VersionSupport kCPython3_##minor;
#include "snapshotter/cpython/versions.def"
#undef PYSNAP_CPYTHON_MINOR

absl::Span<const VersionSupport* const> AllVersionSupports() {
  static constexpr const VersionSupport* kAll[] = {
#define PYSNAP_CPYTHON_MINOR(minor) &kCPython3_##minor,
#include "snapshotter/cpython/versions.def"
#undef PYSNAP_CPYTHON_MINOR
  };
  return kAll;
}

const VersionSupport* FindVersionSupport(int minor) {
  for (const VersionSupport* support : AllVersionSupports()) {
    if (support->minor == minor) return support;
  }
  return nullptr;
}

}  // namespace pysnap
