// Where a version keeps a thread's innermost frame.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_CURRENT_FRAME_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_CURRENT_FRAME_H_

#include <optional>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/behaviours/frames.h"

namespace pysnap {

// Null when the thread runs no Python code. `pc` is where the thread stands, if that is known.
using CurrentFrame = absl::StatusOr<Address> (*)(const FrameContext& context,
                                                 Address thread_state,
                                                 std::optional<Address> pc);

// In the thread state itself (to 3.10 and from 3.13 on).
absl::StatusOr<Address> CurrentFrameInThreadState(const FrameContext& context,
                                                  Address thread_state,
                                                  std::optional<Address> pc);

// In the innermost _PyCFrame, which is a variable of the C function _PyEval_EvalFrameDefault (3.11, 3.12).
//
// That function links its _PyCFrame to the thread first and then fills it in (Python/ceval.c). In a thread that stands
// between these instructions it holds whatever an earlier call has left on the C stack, as often as not a frame that is
// no more. So while the thread is in that function, the frame is believed only when it is alive and all that is around
// it agrees; otherwise the error is Unavailable: a moment later it may be told.
absl::StatusOr<Address> CurrentFrameInCFrame(const FrameContext& context,
                                             Address thread_state,
                                             std::optional<Address> pc);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_CURRENT_FRAME_H_
