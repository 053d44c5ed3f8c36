// What a suspended coroutine waits in.
#ifndef PYSNAP_CAPTURE_AWAIT_CHAIN_H_
#define PYSNAP_CAPTURE_AWAIT_CHAIN_H_

#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// The coroutine or generator at `coroutine`, and those that it awaits, outermost first, with what C puts between two of
// them: as far as they can be read. Not what the last one waits for. Empty for any other object.
std::vector<Address> FollowAwaits(const Runtime& runtime, Memory& memory, FrameWalker& walker, Address coroutine);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_AWAIT_CHAIN_H_
