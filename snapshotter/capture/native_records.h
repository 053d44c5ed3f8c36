// Records the native frames of a thread with the places of its Python frames among them.
#ifndef PYSNAP_CAPTURE_NATIVE_RECORDS_H_
#define PYSNAP_CAPTURE_NATIVE_RECORDS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/capture/native_stacks.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/native/unwinder.h"

namespace pysnap {

// Of a longer stack so many frames at either end are recorded, and between them only those that run Python frames.
inline constexpr size_t kRecordedNativeFrames = 10'000;

// Adds the native part to `record`, whose Python frames are those of `chain`. `string` gives the id of a text. When the
// Python frames cannot be placed, the native ones are recorded without, and the error says why (MergeStacks).
absl::Status RecordNativeFrames(const NativeStacks& stacks,
                                const NativeStack& stack,
                                const FrameChain& chain,
                                absl::FunctionRef<uint32_t(absl::string_view)> string,
                                proto::Thread& record);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_NATIVE_RECORDS_H_
