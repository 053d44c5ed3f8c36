#include "snapshotter/cpython/with_blocks.h"

namespace pysnap {
namespace {

// LOAD_SPECIAL's arguments: __enter__, __exit__, __aenter__, __aexit__ (Include/internal/pycore_ceval.h, 3.14 on).
constexpr uint32_t kSpecialEnter = 0;
constexpr uint32_t kSpecialAsyncEnter = 2;
// In a loop that awaits: GET_AWAITABLE, None, SEND, YIELD_VALUE, RESUME, a jump back, and what comes on exceptions.
constexpr size_t kMaxAwaitLength = 12;
constexpr int32_t kUnit = 2;
// The opcode where there is no instruction; no version lacks an opcode by this number.
constexpr int kNothing = -2;

class Finder {
 public:
  Finder(const VersionSupport& version, const CodeInfo& code, const TargetTexts& texts, WithBlocks& out)
      : version_(version), numbers_(*version.opcode_numbers), code_(code), texts_(texts), out_(out) {}

  void Find() {
    for (size_t i = 0; i < out_.instructions.size(); ++i) {
      const int opcode = At(i);
      if (opcode == numbers_.SETUP_WITH || opcode == numbers_.SETUP_ASYNC_WITH) {
        AddSetup(i);
      } else if (opcode == numbers_.BEFORE_WITH) {
        AddEntered(i, i + 1, false);
      } else if (opcode == numbers_.BEFORE_ASYNC_WITH && numbers_.SETUP_ASYNC_WITH < 0) {
        AddEntered(i, AfterAwait(i + 1), true);
      } else if (opcode == numbers_.LOAD_SPECIAL && i + 1 < out_.instructions.size() && At(i + 1) == numbers_.CALL) {
        const uint32_t special = out_.instructions[i].argument;
        if (special == kSpecialEnter) AddEntered(i, i + 2, false);
        if (special == kSpecialAsyncEnter) AddEntered(i, AfterAwait(i + 2), true);
      }
    }
  }

 private:
  int At(size_t i) const { return i < out_.instructions.size() ? out_.instructions[i].opcode : kNothing; }

  void Add(size_t entering, int32_t handler, bool is_async, size_t body) {
    WithBlock& block = out_.blocks.emplace_back();
    block.begin = out_.instructions[Evaluated(entering)].offset;
    block.entering = out_.instructions[Calling(entering)].offset;
    block.body =
        body < out_.instructions.size() ? out_.instructions[body].offset : static_cast<int32_t>(code_.bytecode.size());
    block.handler = handler;
    block.is_async = is_async;
    block.target = ReadAssignmentTarget(version_, code_, out_.instructions, body, texts_);
  }

  // The instruction that calls the enter method: an async block is set up only when what that has returned is done.
  size_t Calling(size_t entering) const {
    if (At(entering) == numbers_.LOAD_SPECIAL) return entering + 1;
    if (At(entering) != numbers_.SETUP_ASYNC_WITH) return entering;
    for (size_t steps = 0, i = entering; steps < kMaxAwaitLength && i > 0; ++steps) {
      if (At(--i) == numbers_.BEFORE_ASYNC_WITH) return i;
    }
    return entering;
  }

  // The instruction that has made the context manager: before 3.14 those that enter it are of the statement's line.
  size_t Evaluated(size_t entering) const {
    if (At(entering) == numbers_.LOAD_SPECIAL) return entering;
    const size_t call = Calling(entering);
    return call > 0 ? call - 1 : call;
  }

  // Up to 3.10: the handler is the argument, counted from the next instruction on, in the units of f_lasti.
  void AddSetup(size_t i) {
    const Instruction& setup = out_.instructions[i];
    const int64_t handler = int64_t{setup.offset} + kUnit + int64_t{setup.argument} * version_.lasti_unit;
    if (handler > static_cast<int64_t>(code_.bytecode.size())) return;
    Add(i, static_cast<int32_t>(handler), setup.opcode == numbers_.SETUP_ASYNC_WITH, i + 1);
  }

  // From 3.11 on: what is entered is protected from the first instruction of its body on.
  void AddEntered(size_t i, size_t body, bool is_async) {
    size_t first = body;
    while (At(first) == numbers_.NOP) ++first;
    for (size_t j = body; j <= first && j < out_.instructions.size(); ++j) {
      const ExceptionRange* range = FindRange(out_.ranges, out_.instructions[j].offset);
      if (range == nullptr || range->begin != out_.instructions[j].offset) continue;
      if (!IsWithHandler(range->handler)) continue;
      return Add(i, range->handler, is_async, body);
    }
  }

  bool IsWithHandler(int32_t offset) const {
    const std::optional<size_t> handler = FindInstruction(out_.instructions, offset);
    return handler.has_value() && out_.instructions[*handler].offset == offset &&
           At(*handler) == numbers_.PUSH_EXC_INFO && At(*handler + 1) == numbers_.WITH_EXCEPT_START;
  }

  // The place behind the loop that awaits, which begins at `i`.
  size_t AfterAwait(size_t i) const {
    for (size_t j = i; j < i + kMaxAwaitLength && j < out_.instructions.size(); ++j) {
      if (At(j) != numbers_.SEND) continue;
      // It jumps there when what is awaited is done; its inline caches do not count.
      size_t after = j + 1;
      while (At(after) == numbers_.YIELD_VALUE || At(after) == numbers_.RESUME ||
             At(after) == numbers_.JUMP_BACKWARD_NO_INTERRUPT || At(after) == numbers_.CLEANUP_THROW) {
        ++after;
      }
      return At(after) == numbers_.END_SEND ? after + 1 : after;
    }
    return out_.instructions.size();
  }

  const VersionSupport& version_;
  const OpcodeNumbers& numbers_;
  const CodeInfo& code_;
  const TargetTexts& texts_;
  WithBlocks& out_;
};

class ExitFinder {
 public:
  ExitFinder(const VersionSupport& version, const WithBlocks& with) : numbers_(*version.opcode_numbers), with_(with) {}

  std::optional<Exit> Find(int32_t lasti) {
    const std::optional<size_t> place = FindInstruction(with_.instructions, lasti);
    if (!place.has_value()) return std::nullopt;
    size_t call = *place;
    if (const std::optional<size_t> awaitable = AwaitAround(call)) {
      if (*awaitable == 0) return std::nullopt;
      exit_.is_awaiting = true;
      call = *awaitable - 1;
    }
    if (At(call) == numbers_.PRECALL) ++call;
    if (At(call) == numbers_.WITH_EXCEPT_START || At(call) == numbers_.WITH_CLEANUP_START) return OnException(call);
    return OnCall(call);
  }

 private:
  int At(size_t i) const { return i < with_.instructions.size() ? with_.instructions[i].opcode : kNothing; }
  bool IsNone(size_t i) const {
    return At(i) == numbers_.LOAD_CONST || (At(i) == numbers_.LOAD_COMMON_CONSTANT && At(i) >= 0);
  }

  // The GET_AWAITABLE of the loop that instruction `i` is in.
  std::optional<size_t> AwaitAround(size_t i) const {
    // A suspended frame stands before YIELD_FROM, which it will execute again.
    if (IsNone(i) && At(i + 1) == numbers_.YIELD_FROM) ++i;
    const int opcode = At(i);
    const bool waits = opcode == numbers_.YIELD_FROM || opcode == numbers_.SEND ||
                       (numbers_.SEND >= 0 && (opcode == numbers_.YIELD_VALUE || opcode == numbers_.RESUME));
    if (!waits) return std::nullopt;
    for (size_t steps = 0; steps < kMaxAwaitLength && i > 0; ++steps) {
      --i;
      if (At(i) == numbers_.GET_AWAITABLE) return i;
      const bool within = At(i) == numbers_.SEND || At(i) == numbers_.YIELD_VALUE || At(i) == numbers_.RESUME ||
                          At(i) == numbers_.PUSH_NULL || IsNone(i);
      if (!within) return std::nullopt;
    }
    return std::nullopt;
  }

  std::optional<Exit> OnException(size_t call) {
    const bool has_push = numbers_.PUSH_EXC_INFO >= 0;
    if (has_push && (call == 0 || At(call - 1) != numbers_.PUSH_EXC_INFO)) return std::nullopt;
    exit_.block = with_.FindByHandler(with_.instructions[has_push ? call - 1 : call].offset);
    // In 3.8 the same instruction is there where a block is left by return and the like.
    exit_.kind = exit_.block != nullptr ? Exit::Kind::kException : Exit::Kind::kNormal;
    if (exit_.block == nullptr && numbers_.WITH_CLEANUP_START < 0) return std::nullopt;
    return exit_;
  }

  std::optional<Exit> OnCall(size_t call) {
    size_t first = call;
    if (At(call) == numbers_.CALL_FUNCTION && numbers_.CALL_FUNCTION >= 0) {
      if (call < 3 || with_.instructions[call].argument != 3) return std::nullopt;
      if (At(call - 1) != numbers_.DUP_TOP || At(call - 2) != numbers_.DUP_TOP || !IsNone(call - 3)) {
        return std::nullopt;
      }
      first = call - 3;
    } else if (At(call) == numbers_.CALL && numbers_.CALL >= 0) {
      if (call > 0 && At(call - 1) == numbers_.PRECALL) --first;
      if (first < 3 || !IsNone(first - 1) || !IsNone(first - 2) || !IsNone(first - 3)) return std::nullopt;
      first -= 3;
    } else {
      return std::nullopt;
    }
    const int32_t last_end = with_.instructions[first].offset;
    while (first > 0 &&
           (At(first - 1) == numbers_.SWAP || At(first - 1) == numbers_.ROT_TWO || At(first - 1) == numbers_.NOP)) {
      if (At(first - 1) != numbers_.NOP) exit_.kind = Exit::Kind::kNormalWithValue;
      --first;
    }
    if (numbers_.POP_BLOCK >= 0) {
      return first > 0 && At(first - 1) == numbers_.POP_BLOCK ? std::optional(exit_) : std::nullopt;
    }
    const int32_t first_end = with_.instructions[first].offset;
    for (const ExceptionRange& range : with_.ranges) {
      if (range.end < first_end || range.end > last_end) continue;
      exit_.block = with_.FindByHandler(range.handler);
      if (exit_.block != nullptr) return exit_;
    }
    return std::nullopt;
  }

  const OpcodeNumbers& numbers_;
  const WithBlocks& with_;
  Exit exit_;
};

}  // namespace

const WithBlock* WithBlocks::FindByHandler(int32_t handler) const {
  for (const WithBlock& block : blocks) {
    if (block.handler == handler) return &block;
  }
  return nullptr;
}

WithBlocks FindWithBlocks(const VersionSupport& version, const CodeInfo& code, const TargetTexts& texts) {
  WithBlocks with;
  with.instructions = ListInstructions(code.bytecode, *version.opcode_numbers);
  with.ranges = ParseExceptionTable(code.exception_table);
  Finder(version, code, texts, with).Find();
  return with;
}

const WithBlock* FindEntry(const WithBlocks& with, int32_t lasti) {
  for (const WithBlock& block : with.blocks) {
    if (block.entering <= lasti && lasti < block.body) return &block;
  }
  return nullptr;
}

std::optional<Exit> FindExit(const VersionSupport& version, const WithBlocks& with, int32_t lasti) {
  return ExitFinder(version, with).Find(lasti);
}

}  // namespace pysnap
