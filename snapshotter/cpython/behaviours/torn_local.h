// Which local variable a version is changing while its slot holds something else than before and after.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_TORN_LOCAL_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_TORN_LOCAL_H_

#include <cstdint>
#include <optional>

#include "snapshotter/cpython/behaviours/frames.h"
#include "snapshotter/cpython/frame_walker.h"

namespace pysnap {

// The slot of the variable `x` when the innermost frame of a thread executes `x = x + text` or `x += text`, which
// extends a str where it is. A frame in the midst of anything else has its locals.
using FindTornLocal = std::optional<uint32_t> (*)(const FrameContext& context, const FrameInfo& frame);

// The slot is cleared first (unicode_concatenate, Python/ceval.c; up to 3.10). A variable that was not bound before
// looks the same.
std::optional<uint32_t> TornWhileUnbound(const FrameContext& context, const FrameInfo& frame);

// The slot keeps pointing to a str that is being reallocated (BINARY_OP_INPLACE_ADD_UNICODE, Python/ceval.c,
// Python/bytecodes.c; 3.11+).
std::optional<uint32_t> TornWhileReallocated(const FrameContext& context, const FrameInfo& frame);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_TORN_LOCAL_H_
