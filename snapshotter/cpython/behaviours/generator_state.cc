#include "snapshotter/cpython/behaviours/generator_state.h"

#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

absl::StatusOr<int> ReadState(const Runtime& runtime, Memory& memory, Address generator) {
  ASSIGN_OR_RETURN(int8_t state, memory.ReadValue<int8_t>(generator + runtime.layout.PyGenObject.gi_frame_state));
  return state;
}

absl::StatusOr<GeneratorInfo> WithEmbeddedFrame(
    const Runtime& runtime, Address generator, GeneratorState state, bool delegates, int raw) {
  if (state == GeneratorState::kUnknown) return absl::DataLossError(absl::StrFormat("frame state %d", raw));
  GeneratorInfo info;
  info.state = state;
  info.delegates = delegates;
  if (state != GeneratorState::kClosed) info.frame = generator + runtime.layout.PyGenObject.gi_iframe;
  return info;
}

}  // namespace

absl::StatusOr<GeneratorInfo> GeneratorWithRunningFlag(const Runtime& runtime, Memory& memory, Address generator) {
  const auto& layout = runtime.layout.PyGenObject;
  GeneratorInfo info;
  ASSIGN_OR_RETURN(info.frame, memory.ReadPointer(generator + layout.gi_frame));
  if (info.frame.is_null()) {
    info.state = GeneratorState::kClosed;
    return info;
  }
  ASSIGN_OR_RETURN(const int8_t running, memory.ReadValue<int8_t>(generator + layout.gi_running));
  ASSIGN_OR_RETURN(const int32_t lasti, memory.ReadValue<int32_t>(info.frame + runtime.layout.PyFrameObject.f_lasti));
  if (running != 0) {
    info.state = GeneratorState::kRunning;
  } else {
    info.state = lasti == -1 ? GeneratorState::kCreated : GeneratorState::kSuspended;
  }
  return info;
}

absl::StatusOr<GeneratorInfo> GeneratorWithFrameObjectState(const Runtime& runtime, Memory& memory, Address generator) {
  GeneratorInfo info;
  ASSIGN_OR_RETURN(info.frame, memory.ReadPointer(generator + runtime.layout.PyGenObject.gi_frame));
  if (info.frame.is_null()) {
    info.state = GeneratorState::kClosed;
    return info;
  }
  ASSIGN_OR_RETURN(const int8_t state, memory.ReadValue<int8_t>(info.frame + runtime.layout.PyFrameObject.f_state));
  switch (state) {
    case -2:
      info.state = GeneratorState::kCreated;
      break;
    case -1:
      info.state = GeneratorState::kSuspended;
      break;
    case 0:  // executing
    case 2:  // unwinding
      info.state = GeneratorState::kRunning;
      break;
    case 1:  // returned
    case 3:  // raised
    case 4:  // cleared
      info.state = GeneratorState::kClosed;
      info.frame = Address();
      break;
    default:
      return absl::DataLossError(absl::StrFormat("frame state %d", state));
  }
  return info;
}

absl::StatusOr<GeneratorInfo> GeneratorCreatedAtMinus2(const Runtime& runtime, Memory& memory, Address generator) {
  ASSIGN_OR_RETURN(const int raw, ReadState(runtime, memory, generator));
  GeneratorState state = GeneratorState::kUnknown;
  if (raw == -2) state = GeneratorState::kCreated;
  if (raw == -1) state = GeneratorState::kSuspended;
  if (raw == 0) state = GeneratorState::kRunning;
  if (raw == 1 || raw == 4) state = GeneratorState::kClosed;
  return WithEmbeddedFrame(runtime, generator, state, false, raw);
}

absl::StatusOr<GeneratorInfo> GeneratorCreatedAtMinus3(const Runtime& runtime, Memory& memory, Address generator) {
  ASSIGN_OR_RETURN(const int raw, ReadState(runtime, memory, generator));
  GeneratorState state = GeneratorState::kUnknown;
  if (raw == -3) state = GeneratorState::kCreated;
  if (raw == -2 || raw == -1) state = GeneratorState::kSuspended;
  if (raw == 0) state = GeneratorState::kRunning;
  if (raw == 1 || raw == 4) state = GeneratorState::kClosed;
  return WithEmbeddedFrame(runtime, generator, state, raw == -1, raw);
}

absl::StatusOr<GeneratorInfo> GeneratorCreatedAtZero(const Runtime& runtime, Memory& memory, Address generator) {
  ASSIGN_OR_RETURN(const int raw, ReadState(runtime, memory, generator));
  GeneratorState state = GeneratorState::kUnknown;
  if (raw == 0) state = GeneratorState::kCreated;
  if (raw >= 1 && raw <= 3) state = GeneratorState::kSuspended;
  if (raw == 4) state = GeneratorState::kRunning;
  if (raw == 5) state = GeneratorState::kClosed;
  return WithEmbeddedFrame(runtime, generator, state, raw == 2 || raw == 3, raw);
}

}  // namespace pysnap
