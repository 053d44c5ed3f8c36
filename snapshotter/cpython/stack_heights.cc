#include "snapshotter/cpython/stack_heights.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/exception_table.h"

namespace pysnap {
namespace {

constexpr int32_t kUnit = 2;
// What an exception puts on the stack up to 3.10: the one that was handled before, and itself, of three parts each.
constexpr int32_t kExceptionSize = 6;
// EXCEPT_HANDLER (Include/opcode.h); 3.10 keeps in it where the exception came from.
constexpr int32_t kExceptHandler = 257;
constexpr int64_t kMaxHeight = 1 << 20;
constexpr size_t kMaxStates = 64;
constexpr size_t kMaxSteps = 500'000;
// CO_MAXBLOCKS (Include/code.h, to 3.10).
constexpr size_t kMaxBlocks = 20;

}  // namespace

StackHeights::StackHeights(const VersionSupport& version, const CodeInfo& code)
    : version_(version), numbers_(*version.opcode_numbers), code_(code), effects_(256) {
  problem_ = code.bytecode_problem;
  if (!problem_.ok()) return;
  for (size_t i = 0; i < version.stack_effects.count; ++i) {
    effects_[version.stack_effects.rows[i].opcode] = &version.stack_effects.rows[i];
  }
  instructions_ = ListInstructions(code.bytecode, numbers_);
  states_.resize(instructions_.size());
  Analyze();
}

void StackHeights::Analyze() {
  if (instructions_.empty()) return;
  problem_ = absl::DataLossError("the height of its stack cannot be told from its code");
  State start;
  // Up to 3.10 a generator that is started has what it is sent on its stack; in 3.10 this takes it away.
  if (numbers_.GEN_START >= 0 && instructions_[0].opcode == numbers_.GEN_START) start.height = 1;
  if (!Add(0, start)) return;
  for (const ExceptionRange& range : ParseExceptionTable(code_.exception_table)) {
    State handler;
    handler.height = range.depth + (range.pushes_lasti ? 1 : 0) + 1;
    if (!AddAt(range.handler, std::move(handler))) return;
  }
  while (!open_.empty()) {
    if (++steps_ > kMaxSteps) return;
    const auto [i, which] = open_.back();
    open_.pop_back();
    const State state = states_[i][which];
    if (!Step(i, state)) return;
  }
  problem_ = absl::OkStatus();
}

bool StackHeights::Add(size_t i, State state) {
  if (i >= instructions_.size()) return false;
  if (state.height < 0 || state.height > std::min<int64_t>(code_.stack_size, kMaxHeight)) return false;
  while (!state.marks.empty() && state.marks.back().position >= state.height) state.marks.pop_back();
  std::vector<State>& known = states_[i];
  if (std::find(known.begin(), known.end(), state) != known.end()) return true;
  if (known.size() >= kMaxStates) return false;
  known.push_back(std::move(state));
  open_.emplace_back(i, known.size() - 1);
  return true;
}

bool StackHeights::AddAt(int64_t offset, State state) {
  if (offset < 0 || offset >= static_cast<int64_t>(code_.bytecode.size())) return false;
  // A jump leads to the EXTENDED_ARGs of an instruction.
  const auto at =
      std::lower_bound(instructions_.begin(), instructions_.end(), offset,
                       [](const Instruction& instruction, int64_t value) { return instruction.offset < value; });
  return Add(static_cast<size_t>(at - instructions_.begin()), std::move(state));
}

const StackEffect* StackHeights::EffectOf(size_t i) const { return effects_[instructions_[i].opcode]; }

int32_t StackHeights::HeightBy(const StackEffect& effect, uint32_t argument) {
  const int64_t low = argument & 0xff;
  const int64_t high = std::min<uint32_t>(argument >> 8, 1 << 16);
  const int bits = std::popcount(argument & effect.bits);
  return static_cast<int32_t>(std::clamp<int64_t>(
      effect.base + effect.low * low + effect.high * high + effect.per_bit * bits, -1 << 24, 1 << 24));
}

int64_t StackHeights::OffsetBehind(size_t i) const {
  const int64_t caches = version_.opcodes != nullptr ? version_.opcodes->caches[instructions_[i].opcode] : 0;
  return instructions_[i].offset + kUnit + caches * kUnit;
}

int64_t StackHeights::TargetOf(size_t i, const StackEffect& effect) const {
  const int64_t unit = version_.opcodes != nullptr ? kUnit : version_.lasti_unit;
  const int64_t argument = int64_t{instructions_[i].argument} * unit;
  if (effect.target == JumpTarget::kAbsolute) return argument;
  return effect.target == JumpTarget::kBackward ? OffsetBehind(i) - argument : OffsetBehind(i) + argument;
}

bool StackHeights::Step(size_t i, const State& state) {
  const StackEffect* effect = EffectOf(i);
  if (effect == nullptr) return false;
  const uint32_t argument = instructions_[i].argument;
  const int opcode = instructions_[i].opcode;
  const int32_t change = HeightBy(*effect, argument);
  if (numbers_.POP_BLOCK >= 0) {
    State next = state;
    bool falls_through = true;
    next.height += change;
    if (opcode == numbers_.SETUP_FINALLY || opcode == numbers_.SETUP_WITH || opcode == numbers_.SETUP_ASYNC_WITH) {
      // The context manager makes room for its exit method; what an asynchronous one gave is above the block.
      const int32_t level = state.height - (opcode == numbers_.SETUP_ASYNC_WITH ? 1 : 0);
      const int64_t handler = TargetOf(i, *effect);
      if (level < 0 || state.blocks.size() >= kMaxBlocks) return false;
      State handling = state;
      handling.blocks.push_back({true, -1, level});
      handling.height = level + kExceptionSize;
      while (!handling.marks.empty() && handling.marks.back().position >= level) handling.marks.pop_back();
      handling.marks.push_back({level, Mark::kException});
      if (!AddAt(handler, std::move(handling))) return false;
      next.height = state.height + (opcode == numbers_.SETUP_WITH ? 1 : 0);
      next.blocks.push_back({false, static_cast<int32_t>(handler), level});
      return Add(i + 1, std::move(next));
    }
    if (opcode == numbers_.CALL_FINALLY) {
      State body = state;
      body.marks.push_back({state.height, Mark::kReturnAddress});
      ++body.height;
      if (!AddAt(TargetOf(i, *effect), std::move(body))) return false;
      return Add(i + 1, state);
    }
    const bool is_of_blocks = opcode == numbers_.POP_BLOCK || opcode == numbers_.POP_EXCEPT ||
                              opcode == numbers_.END_ASYNC_FOR || numbers_.BEGIN_FINALLY >= 0;
    if (is_of_blocks) {
      next.height = state.height;
      if (!StepOfBlocks(i, next, falls_through)) return false;
      if (falls_through && effect->flow == OpcodeFlow::kNext) return Add(i + 1, std::move(next));
      if (!falls_through) return true;
    }
  }
  if (effect->flow == OpcodeFlow::kEnds) return true;
  if (effect->flow != OpcodeFlow::kNext) {
    State jumped = state;
    jumped.height += change + effect->jump_extra;
    if (!AddAt(TargetOf(i, *effect), std::move(jumped))) return false;
    if (effect->flow == OpcodeFlow::kJumps) return true;
  }
  State next = state;
  next.height += change;
  return Add(i + 1, std::move(next));
}

// Puts behind instruction `i` what it does to blocks, and in 3.8 to what its finally bodies begin with.
bool StackHeights::StepOfBlocks(size_t i, State& next, bool& falls_through) {
  const int opcode = instructions_[i].opcode;
  const int32_t height = next.height;
  next.height += HeightBy(*EffectOf(i), instructions_[i].argument);
  const bool pops_block =
      opcode == numbers_.POP_BLOCK || opcode == numbers_.POP_EXCEPT || opcode == numbers_.END_ASYNC_FOR;
  if (pops_block) {
    if (next.blocks.empty()) return false;
    next.blocks.pop_back();
    return true;
  }
  if (opcode == numbers_.BEGIN_FINALLY) {
    next.marks.push_back({height, Mark::kNull});
    next.height = height + 1;
    return true;
  }
  if (opcode == numbers_.END_FINALLY || opcode == numbers_.POP_FINALLY) {
    next.height = height;
    return EndFinally(next, falls_through, opcode == numbers_.POP_FINALLY);
  }
  if (opcode == numbers_.WITH_CLEANUP_START || opcode == numbers_.WITH_CLEANUP_FINISH) {
    if (numbers_.WITH_CLEANUP_START < 0) return true;
    if (next.marks.empty()) return false;
    Marked& top = next.marks.back();
    if (opcode == numbers_.WITH_CLEANUP_START) {
      if (top.position < 1) return false;
      // The exit method below is taken from the stack; with an exception a NULL goes in between.
      --top.position;
      next.height = height + 2;
      if (top.mark != Mark::kException) {
        --next.height;
        return true;
      }
      if (next.blocks.empty()) return false;
      top.mark = Mark::kExceptionOfWith;
      --next.blocks.back().level;
      return true;
    }
    next.height = height - 2;
    if (top.mark != Mark::kExceptionOfWith) return true;
    // The exit method may have swallowed the exception.
    if (next.blocks.empty()) return false;
    State swallowed = next;
    swallowed.blocks.pop_back();
    swallowed.marks.back().mark = Mark::kNull;
    swallowed.height = swallowed.marks.back().position + 1;
    return Add(i + 1, std::move(swallowed));
  }
  return true;
}

bool StackHeights::EndFinally(State& next, bool& falls_through, bool pops) {
  if (next.marks.empty()) return false;
  const Marked top = next.marks.back();
  next.marks.pop_back();
  const bool is_exception = top.mark == Mark::kException || top.mark == Mark::kExceptionOfWith;
  if (!pops) {
    falls_through = top.mark == Mark::kNull;
    --next.height;
    return true;
  }
  if (is_exception) {
    if (next.blocks.empty()) return false;
    next.blocks.pop_back();
  }
  next.height -= is_exception ? (top.mark == Mark::kException ? kExceptionSize : kExceptionSize + 1) : 1;
  return true;
}

absl::StatusOr<CallPlace> StackHeights::FindCall(int32_t lasti, const std::vector<TryBlock>& blocks) const {
  RETURN_IF_ERROR(problem_);
  const std::optional<size_t> found = FindInstruction(instructions_, lasti);
  if (lasti < 0 || !found.has_value()) return absl::FailedPreconditionError("it has not begun");
  const size_t i = *found;
  const StackEffect* effect = EffectOf(i);
  // Of two results, the one that is asked for and what it is called on.
  const bool gives_two = effect != nullptr && effect->result == OpcodeResult::kOfOperands &&
                         (instructions_[i].argument & effect->bits) != 0;
  if (effect == nullptr || effect->result == OpcodeResult::kNone || gives_two) {
    return absl::FailedPreconditionError(
        absl::StrFormat("its instruction at %d is none that leaves one result", instructions_[i].offset));
  }
  const bool is_precall = instructions_[i].opcode == numbers_.PRECALL && numbers_.PRECALL >= 0;
  // 3.11: the arguments are counted in PRECALL, and taken away in CALL.
  std::optional<int32_t> height;
  int32_t operands = 0;
  for (const State& state : states_[i]) {
    const bool same =
        state.blocks.size() == blocks.size() &&
        std::equal(blocks.begin(), blocks.end(), state.blocks.begin(), [](const TryBlock& actual, const Block& block) {
          return actual.level == block.level && (actual.type == kExceptHandler) == block.handles &&
                 (block.handles || actual.handler == block.handler);
        });
    if (!same) continue;
    const int32_t after = state.height + HeightBy(*effect, instructions_[i].argument) - 1 - (is_precall ? 1 : 0);
    if (height.has_value() && *height != after) {
      return absl::FailedPreconditionError("ways through its code leave stacks of different heights there");
    }
    height = after;
    operands = state.height - after;
  }
  if (!height.has_value() || *height < 0) return absl::DataLossError("no way through its code leads there");
  return CallPlace{.height = *height, .operands = operands, .is_call = effect->result == OpcodeResult::kOfCall};
}

}  // namespace pysnap
