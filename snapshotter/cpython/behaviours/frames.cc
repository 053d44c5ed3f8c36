#include "snapshotter/cpython/behaviours/frames.h"

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr int64_t kPointerSize = 8;

absl::Status ReadSlots(const FrameContext& context, Address first, size_t count, std::vector<Address>& out) {
  std::vector<uint64_t> bits;
  RETURN_IF_ERROR(context.memory.ReadArray(first, count, bits));
  out.clear();
  out.reserve(count);
  for (const uint64_t slot : bits) out.push_back(context.runtime.version->decode_stack_ref(slot));
  return absl::OkStatus();
}

// Reads the stack when `height` entries are plausible for the code; otherwise leaves it unknown.
absl::Status ReadStack(const FrameContext& context, FrameInfo& info, Address base, int64_t height) {
  if (height < 0 || height > static_cast<int64_t>(info.code->stack_size)) return absl::OkStatus();
  std::vector<uint64_t> bits;
  RETURN_IF_ERROR(context.memory.ReadArray(base, static_cast<size_t>(height), bits));
  const VersionSupport& version = *context.runtime.version;
  for (const uint64_t item : bits) {
    if (const std::optional<int64_t> number = version.decode_stack_number(item)) {
      info.stack_numbers.emplace_back(info.stack.size(), *number);
    }
    info.stack.push_back(version.decode_stack_ref(item));
  }
  info.stack_known = true;
  return absl::OkStatus();
}

// prev_instr (3.11, 3.12) and instr_ptr (3.13+) both give f_lasti as their distance from the code's start
// (_PyInterpreterFrame_LASTI, Include/internal/pycore_frame.h).
Offset InstructionOffset(const Layout& layout) {
  return layout._PyInterpreterFrame.instr_ptr != kNoOffset ? layout._PyInterpreterFrame.instr_ptr
                                                           : layout._PyInterpreterFrame.prev_instr;
}

// Before its first instruction a frame stands in front of the code: by one byte (-1) or one code unit (-2).
absl::Status SetLasti(FrameInfo& info, int64_t lasti) {
  const auto code_size = static_cast<int64_t>(info.code->bytecode.size());
  if (lasti < -2 || (info.code->bytecode_problem.ok() && lasti > code_size) || lasti > INT32_MAX) {
    return absl::DataLossError("the frame's instruction lies outside its code");
  }
  info.lasti = lasti < 0 ? -1 : static_cast<int32_t>(lasti);
  return absl::OkStatus();
}

// Of a PyFrameObject up to 3.10. In 3.10 it says so: FRAME_RETURNED, FRAME_RAISED, FRAME_CLEARED (PyFrameState,
// Include/cpython/frameobject.h). Before, one that neither executes nor has kept its stack, as what is suspended does.
absl::StatusOr<bool> HasEnded(const FrameContext& context, Address frame) {
  const auto& layout = context.runtime.layout.PyFrameObject;
  if (layout.f_state != kNoOffset) {
    constexpr int8_t kReturned = 1, kRaised = 3;
    ASSIGN_OR_RETURN(const int8_t state, context.memory.ReadValue<int8_t>(frame + layout.f_state));
    return state == kReturned || state >= kRaised;
  }
  ASSIGN_OR_RETURN(const uint8_t executing, context.memory.ReadValue<uint8_t>(frame + layout.f_executing));
  ASSIGN_OR_RETURN(const Address stack_top, context.memory.ReadPointer(frame + layout.f_stacktop));
  return executing == 0 && stack_top.is_null();
}

bool HasOwnNamespace(const CodeInfo& code) { return (code.flags & kCodeOptimized) == 0; }

}  // namespace

FrameOwner OwnerOf(uint8_t owner) {
  switch (owner) {
    case 0:
      return FrameOwner::kThread;
    case 1:
      return FrameOwner::kGenerator;
    case 2:
      return FrameOwner::kFrameObject;
    default:  // FRAME_OWNED_BY_CSTACK, from 3.14 on FRAME_OWNED_BY_INTERPRETER
      return FrameOwner::kShim;
  }
}

absl::StatusOr<FrameLinks> FrameObjectLinks(const FrameContext& context, Address frame) {
  FrameLinks links;
  ASSIGN_OR_RETURN(links.previous, context.memory.ReadPointer(frame + context.runtime.layout.PyFrameObject.f_back));
  return links;
}

absl::Status FrameObjectContents(const FrameContext& context, FrameInfo& info) {
  const auto& layout = context.runtime.layout.PyFrameObject;
  Memory& memory = context.memory;
  const Address frame = info.address;
  ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(frame + context.runtime.layout.PyObject.ob_type));
  if (type != context.runtime.Symbol("PyFrame_Type")) return absl::DataLossError("not a frame object");
  info.frame_object = frame;
  ASSIGN_OR_RETURN(const Address code, memory.ReadPointer(frame + layout.f_code));
  ASSIGN_OR_RETURN(info.code, context.code_reader.Read(code));
  ASSIGN_OR_RETURN(const int32_t lasti, memory.ReadValue<int32_t>(frame + layout.f_lasti));
  RETURN_IF_ERROR(SetLasti(info, lasti < 0 ? -1 : int64_t{lasti} * context.runtime.version->lasti_unit));
  ASSIGN_OR_RETURN(info.globals, memory.ReadPointer(frame + layout.f_globals));
  ASSIGN_OR_RETURN(info.builtins, memory.ReadPointer(frame + layout.f_builtins));
  if (HasOwnNamespace(*info.code)) {
    ASSIGN_OR_RETURN(info.local_namespace, memory.ReadPointer(frame + layout.f_locals));
  }
  ASSIGN_OR_RETURN(info.has_ended, HasEnded(context, frame));
  const Address slots = frame + layout.f_localsplus;
  RETURN_IF_ERROR(ReadSlots(context, slots, info.code->variables.size(), info.slots));

  const Address stack = slots + static_cast<int64_t>(info.code->variables.size()) * kPointerSize;
  info.stack_base = stack;
  if (context.runtime.version->stack_height == StackHeight::kStackDepth) {
    ASSIGN_OR_RETURN(const int32_t depth, memory.ReadValue<int32_t>(frame + layout.f_stackdepth));
    return ReadStack(context, info, stack, depth);
  }
  ASSIGN_OR_RETURN(const Address top, memory.ReadPointer(frame + layout.f_stacktop));
  return top.is_null() ? absl::OkStatus() : ReadStack(context, info, stack, (top - stack) / kPointerSize);
}

absl::StatusOr<FrameLinks> InterpreterFrameLinks(const FrameContext& context, Address frame) {
  const auto& layout = context.runtime.layout._PyInterpreterFrame;
  FrameLinks links;
  ASSIGN_OR_RETURN(links.previous, context.memory.ReadPointer(frame + layout.previous));
  ASSIGN_OR_RETURN(const uint8_t owner, context.memory.ReadValue<uint8_t>(frame + layout.owner));
  if (OwnerOf(owner) == FrameOwner::kShim) {
    links.hidden = links.is_shim = true;
    return links;
  }
  if (OwnerOf(owner) != FrameOwner::kGenerator) {
    // Until RESUME has run the frame is being set up, and Python does not show it (_PyFrame_IsIncomplete).
    ASSIGN_OR_RETURN(const uint64_t executable, context.memory.ReadValue<uint64_t>(frame + layout.f_executable));
    ASSIGN_OR_RETURN(const Address instruction,
                     context.memory.ReadPointer(frame + InstructionOffset(context.runtime.layout)));
    const absl::StatusOr<const CodeInfo*> code =
        context.code_reader.Read(context.runtime.version->decode_stack_ref(executable));
    links.hidden = code.ok() && instruction - (*code)->code_start < (*code)->first_traceable;
  }
  return links;
}

absl::Status InterpreterFrameContents(const FrameContext& context, FrameInfo& info) {
  const auto& layout = context.runtime.layout._PyInterpreterFrame;
  const VersionSupport& version = *context.runtime.version;
  Memory& memory = context.memory;
  const Address frame = info.address;
  ASSIGN_OR_RETURN(const uint64_t executable, memory.ReadValue<uint64_t>(frame + layout.f_executable));
  ASSIGN_OR_RETURN(info.code, context.code_reader.Read(version.decode_stack_ref(executable)));
  ASSIGN_OR_RETURN(const Address instruction, memory.ReadPointer(frame + InstructionOffset(context.runtime.layout)));
  RETURN_IF_ERROR(SetLasti(info, instruction - info.code->code_start));
  ASSIGN_OR_RETURN(const uint64_t function, memory.ReadValue<uint64_t>(frame + layout.f_funcobj));
  info.function = version.decode_stack_ref(function);
  ASSIGN_OR_RETURN(info.globals, memory.ReadPointer(frame + layout.f_globals));
  ASSIGN_OR_RETURN(info.builtins, memory.ReadPointer(frame + layout.f_builtins));
  if (HasOwnNamespace(*info.code)) {
    ASSIGN_OR_RETURN(info.local_namespace, memory.ReadPointer(frame + layout.f_locals));
  }
  ASSIGN_OR_RETURN(info.frame_object, memory.ReadPointer(frame + layout.frame_obj));
  ASSIGN_OR_RETURN(const uint8_t owner, memory.ReadValue<uint8_t>(frame + layout.owner));
  info.has_ended = OwnerOf(owner) == FrameOwner::kFrameObject;
  if (layout.is_entry != kNoOffset) {
    ASSIGN_OR_RETURN(const uint8_t is_entry, memory.ReadValue<uint8_t>(frame + layout.is_entry));
    info.is_entry = is_entry != 0;
  }
  const Address slots = frame + layout.localsplus;
  RETURN_IF_ERROR(ReadSlots(context, slots, info.code->variables.size(), info.slots));

  const auto variables = static_cast<int64_t>(info.code->variables.size());
  const Address stack = slots + variables * kPointerSize;
  info.stack_base = stack;
  if (version.stack_height == StackHeight::kStackPointer) {
    ASSIGN_OR_RETURN(const Address top, memory.ReadPointer(frame + layout.stackpointer));
    return top.is_null() ? absl::OkStatus() : ReadStack(context, info, stack, (top - stack) / kPointerSize);
  }
  ASSIGN_OR_RETURN(const int32_t top, memory.ReadValue<int32_t>(frame + layout.stacktop));
  return ReadStack(context, info, stack, top - variables);
}

}  // namespace pysnap
