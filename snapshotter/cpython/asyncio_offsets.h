// What the _asyncio of a target of 3.14 or later says about its structs: Py_AsyncioModuleDebugOffsets, alone in a
// section of its module (Modules/_asynciomodule.c).
#ifndef PYSNAP_CPYTHON_ASYNCIO_OFFSETS_H_
#define PYSNAP_CPYTHON_ASYNCIO_OFFSETS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "snapshotter/cpython/layout.h"
#include "snapshotter/cpython/mapped_modules.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// Takes over into `layout` what the section holds. Unimplemented when its tasks are not those of the version, DataLoss
// when its numbers make no sense; then `layout` is as it was.
absl::Status ApplyAsyncioOffsets(absl::Span<const uint64_t> values, Layout& layout);

// Finds the section and takes over into `layout` where threads and the interpreter keep asyncio's tasks, which changes
// between micro versions. Nothing when the module is not loaded, or was stripped of its section headers.
// `runtime_path`: the file that holds _PyRuntime, into which _asyncio may be built. Unimplemented when its tasks are
// not those of the version.
absl::Status OverlayAsyncioOffsets(Target& target,
                                   const std::vector<MappedModule>& modules,
                                   absl::string_view runtime_path,
                                   Layout& layout);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_ASYNCIO_OFFSETS_H_
