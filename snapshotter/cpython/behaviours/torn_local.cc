#include "snapshotter/cpython/behaviours/torn_local.h"

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Include/opcode.h, 3.8 to 3.10.
enum Opcode : uint8_t { kBinaryAdd = 23, kInplaceAdd = 55, kStoreFast = 125, kStoreDeref = 137 };

constexpr int64_t kUnit = 2;  // bytes of an instruction

bool IsUnbound(const FrameContext& context, const FrameInfo& frame, uint32_t slot) {
  const Address value = frame.slots[slot];
  if (value.is_null() || slot < frame.code->local_count) return value.is_null();
  const absl::StatusOr<Address> contents =
      context.memory.ReadPointer(value + context.runtime.layout.PyCellObject.ob_ref);
  return contents.ok() && contents->is_null();
}

}  // namespace

std::optional<uint32_t> TornWhileUnbound(const FrameContext& context, const FrameInfo& frame) {
  const std::string& bytecode = frame.code->bytecode;
  if (frame.lasti < 0 || static_cast<uint64_t>(frame.lasti + 2 * kUnit) > bytecode.size()) return std::nullopt;
  const auto byte = [&](int64_t offset) { return static_cast<uint8_t>(bytecode[frame.lasti + offset]); };
  if (byte(0) != kBinaryAdd && byte(0) != kInplaceAdd) return std::nullopt;
  const uint8_t next = byte(kUnit);
  if (next != kStoreFast && next != kStoreDeref) return std::nullopt;
  const uint32_t slot = byte(kUnit + 1) + (next == kStoreDeref ? frame.code->local_count : 0);
  if (slot >= frame.slots.size() || !IsUnbound(context, frame, slot)) return std::nullopt;
  return slot;
}

std::optional<uint32_t> TornWhileReallocated(const FrameContext& context, const FrameInfo& frame) {
  const OpcodeTables& tables = *context.runtime.version->opcodes;
  if (frame.lasti < 0) return std::nullopt;
  const Address instruction = frame.code->code_start + frame.lasti;
  const absl::StatusOr<uint8_t> opcode = context.memory.ReadValue<uint8_t>(instruction);
  if (!opcode.ok() || *opcode != tables.binary_op_inplace_add_unicode) return std::nullopt;
  // The variable is that of the STORE_FAST behind it.
  const int64_t next = kUnit * (1 + tables.caches[tables.deopt[*opcode]]);
  const absl::StatusOr<uint8_t> slot = context.memory.ReadValue<uint8_t>(instruction + next + 1);
  if (!slot.ok() || *slot >= frame.slots.size()) return std::nullopt;
  return *slot;
}

}  // namespace pysnap
