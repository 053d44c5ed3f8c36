// How a version keeps its frames: the two kinds of them.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_FRAMES_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_FRAMES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// What a behaviour works on.
struct FrameContext {
  const Runtime& runtime;
  Memory& memory;
  CodeReader& code_reader;
};

// To whom the memory of a _PyInterpreterFrame belongs (`owner`, Include/internal/pycore_frame.h).
enum class FrameOwner {
  kThread,
  kGenerator,
  kFrameObject,
  kShim,  // no frame of Python code, but a mark that the evaluation loop was entered from C (3.12+)
};
FrameOwner OwnerOf(uint8_t owner);

// Where the frame leads, and whether it shows.
using ReadFrameLinks = absl::StatusOr<FrameLinks> (*)(const FrameContext& context, Address frame);
// Fills in everything but `address`, `position` and `problem`. On an error `info` keeps what was read before.
using ReadFrameContents = absl::Status (*)(const FrameContext& context, FrameInfo& info);

// Frames are PyFrameObjects on the heap, linked by f_back (up to 3.10, Include/cpython/frameobject.h).
absl::StatusOr<FrameLinks> FrameObjectLinks(const FrameContext& context, Address frame);
absl::Status FrameObjectContents(const FrameContext& context, FrameInfo& info);

// Frames are _PyInterpreterFrames, linked by `previous` (3.11+, Include/internal/pycore_frame.h).
absl::StatusOr<FrameLinks> InterpreterFrameLinks(const FrameContext& context, Address frame);
absl::Status InterpreterFrameContents(const FrameContext& context, FrameInfo& info);

// f_lasti counts bytes up to 3.9 and code units in 3.10.
inline constexpr int kLastiInBytes = 1;
inline constexpr int kLastiInCodeUnits = 2;

// Where a frame says how high its evaluation stack is.
enum class StackHeight {
  kStackTopPointer,  // f_stacktop, null while executing (3.8, 3.9)
  kStackDepth,       // f_stackdepth, -1 while executing (3.10)
  kStackTopIndex,    // stacktop, an index into localsplus, -1 while executing (3.11 to 3.13)
  kStackPointer,     // stackpointer, null while executing (3.14+)
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_FRAMES_H_
