// Where on the C stack the calls of the evaluation loop are.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_EVALUATIONS_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_EVALUATIONS_H_

#include "snapshotter/base/address.h"
#include "snapshotter/cpython/behaviours/frames.h"
#include "snapshotter/cpython/frame_walker.h"

namespace pysnap {

// Sets the stack addresses of chain.evaluations, all or none of them.
//
// Up to 3.9 nothing on the C stack can be found that belongs to a call of the loop. From 3.12 on, the frames that mark
// its entry lie there (entry_frame in _PyEval_EvalFrameDefault, Python/ceval.c), and the walk itself tells.
using LocateEvaluations = void (*)(const FrameContext& context, Address thread_state, FrameChain& chain);

// Each call keeps a _PyCFrame on its stack, linked from the thread state (3.10 and 3.11, _PyEval_EvalFrameDefault in
// Python/ceval.c); the outermost one is part of the thread state and belongs to no call.
void EvaluationsInCFrames(const FrameContext& context, Address thread_state, FrameChain& chain);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_EVALUATIONS_H_
