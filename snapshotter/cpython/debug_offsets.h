// What a target of 3.13 or later says about its own structs: _Py_DebugOffsets, the first member of its _PyRuntime.
//
// Structs of the runtime, of interpreters and of threads change between micro versions, so where the target gives an
// offset it is taken instead of the table's. Objects do not change within a minor version: a target that disagrees
// there is not what its version number says (patched, or another compiler's ABI), and is refused.
#ifndef PYSNAP_CPYTHON_DEBUG_OFFSETS_H_
#define PYSNAP_CPYTHON_DEBUG_OFFSETS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/layout.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// What _Py_DebugOffsets begins with.
inline constexpr absl::string_view kDebugOffsetsCookie = "xdebugpy";

// The part of _Py_DebugOffsets that is the same in every version.
struct DebugOffsetsHeader {
  uint32_t hex_version = 0;
  bool free_threaded = false;
};

// The header at `py_runtime`; nothing when there is no cookie (3.12 and before).
absl::StatusOr<std::optional<DebugOffsetsHeader>> ReadDebugOffsetsHeader(Memory& memory, Address py_runtime);

// The table within `py_runtime`, as `layout` says it is laid out.
class DebugOffsets {
 public:
  static absl::StatusOr<DebugOffsets> Read(Memory& memory, Address py_runtime, const Layout& layout);

  // Takes over into `layout` what the target says. A field that the target does not give keeps its place between two
  // given ones that moved alike, and is kNoOffset where they did not, or where it is behind the last one and what
  // follows moved. Unimplemented when the target is no build of this version, DataLoss when its table makes no sense.
  absl::Status Overlay(Layout& layout) const;

 private:
  // `position` as in layout._Py_DebugOffsets; nothing where that is kNoOffset.
  std::optional<uint64_t> Value(Offset position) const;

  std::vector<uint64_t> values_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_DEBUG_OFFSETS_H_
