// How a generator, coroutine or async generator says whether it runs.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_GENERATOR_STATE_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_GENERATOR_STATE_H_

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

enum class GeneratorState { kUnknown, kCreated, kSuspended, kRunning, kClosed };

struct GeneratorInfo {
  GeneratorState state = GeneratorState::kUnknown;
  // The frame to read (a PyFrameObject up to 3.10, then a _PyInterpreterFrame); null when closed.
  Address frame;
  // It is suspended in `yield from` or `await`. Only some versions say it here.
  bool delegates = false;
};

using ReadGenerator = absl::StatusOr<GeneratorInfo> (*)(const Runtime& runtime, Memory& memory, Address generator);

// Up to 3.12 only the bytecode tells that a suspended frame delegates: by the instruction after the current one
// (Objects/genobject.c: _PyGen_yf).
struct YieldFromMark {
  int opcode = -1;  // none: GeneratorInfo::delegates says it
  int min_argument = 0;
};
inline constexpr YieldFromMark kMarkedByYieldFrom = {72, 0};  // YIELD_FROM (3.8 to 3.10)
inline constexpr YieldFromMark kMarkedByResume = {151, 2};    // RESUME after `yield from` or `await` (3.11, 3.12)

// gi_frame, null once finished; gi_running; not started while f_lasti is -1 (3.8, 3.9; Include/genobject.h).
absl::StatusOr<GeneratorInfo> GeneratorWithRunningFlag(const Runtime& runtime, Memory& memory, Address generator);
// gi_frame, and the state is its f_state (3.10, Include/cpython/frameobject.h: PyFrameState).
absl::StatusOr<GeneratorInfo> GeneratorWithFrameObjectState(const Runtime& runtime, Memory& memory, Address generator);
// gi_frame_state (Include/internal/pycore_frame.h: enum _framestate): CREATED -2, SUSPENDED -1, EXECUTING 0,
// COMPLETED 1, CLEARED 4 (3.11, 3.12).
absl::StatusOr<GeneratorInfo> GeneratorCreatedAtMinus2(const Runtime& runtime, Memory& memory, Address generator);
// The same with CREATED -3, SUSPENDED -2, SUSPENDED_YIELD_FROM -1 (3.13, 3.14).
absl::StatusOr<GeneratorInfo> GeneratorCreatedAtMinus3(const Runtime& runtime, Memory& memory, Address generator);
// The same with CREATED 0, SUSPENDED 1, SUSPENDED_YIELD_FROM 2, SUSPENDED_YIELD_FROM_LOCKED 3, EXECUTING 4, CLEARED 5
// (3.15).
absl::StatusOr<GeneratorInfo> GeneratorCreatedAtZero(const Runtime& runtime, Memory& memory, Address generator);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_GENERATOR_STATE_H_
