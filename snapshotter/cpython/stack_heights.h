// How high the evaluation stack of code is at each of its instructions, by its bytecode alone.
#ifndef PYSNAP_CPYTHON_STACK_HEIGHTS_H_
#define PYSNAP_CPYTHON_STACK_HEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/instructions.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {

// An entry of a frame's block stack, to 3.10.
struct TryBlock {
  int32_t type = 0;
  int32_t handler = 0;  // bytes
  int32_t level = 0;
};

// An instruction within which other code runs, and which leaves one result when that is done.
struct CallPlace {
  int32_t height = 0;    // of the stack below its operands, which goes on unchanged
  int32_t operands = 0;  // how many are above that
  bool is_call = false;
};

// Of one code object. The interpreter keeps the height in a register while a frame runs; so it is what all ways through
// the code that lead to an instruction agree on. Up to 3.10 the blocks that a frame is in tell which ways it can have
// come: in 3.8 the body of a `finally` is the same code for what it is entered with, which is of different heights.
class StackHeights {
 public:
  // Unknown for all of a code that is damaged or has more ways through it than are followed.
  StackHeights(const VersionSupport& version, const CodeInfo& code);

  // For a frame that is within the instruction at `lasti`, in these blocks (outermost first, empty from 3.11 on). An
  // error says why it cannot be told.
  absl::StatusOr<CallPlace> FindCall(int32_t lasti, const std::vector<TryBlock>& blocks) const;

 private:
  // What is on the stack that is not one object: 3.8's finally bodies begin with one of these on top.
  enum class Mark : uint8_t { kNull, kReturnAddress, kException, kExceptionOfWith };
  struct Marked {
    int32_t position;
    Mark mark;
    bool operator==(const Marked&) const = default;
  };
  struct Block {
    bool handles;  // EXCEPT_HANDLER
    int32_t handler;
    int32_t level;
    bool operator==(const Block&) const = default;
  };
  // One way in which an instruction can be reached.
  struct State {
    int32_t height = 0;
    std::vector<Block> blocks;
    std::vector<Marked> marks;
    bool operator==(const State&) const = default;
  };

  void Analyze();
  // States behind the instruction; false when the code contradicts itself.
  bool Step(size_t i, const State& state);
  bool StepOfBlocks(size_t i, State& next, bool& falls_through);
  bool EndFinally(State& next, bool& falls_through, bool pops_preserved);
  bool Add(size_t i, State state);
  bool AddAt(int64_t offset, State state);
  const StackEffect* EffectOf(size_t i) const;
  static int32_t HeightBy(const StackEffect& effect, uint32_t argument);
  int64_t TargetOf(size_t i, const StackEffect& effect) const;
  int64_t OffsetBehind(size_t i) const;

  const VersionSupport& version_;
  const OpcodeNumbers& numbers_;
  const CodeInfo& code_;
  std::vector<Instruction> instructions_;
  std::vector<const StackEffect*> effects_;  // by opcode
  std::vector<std::vector<State>> states_;   // by instruction
  std::vector<std::pair<size_t, size_t>> open_;
  size_t steps_ = 0;
  absl::Status problem_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_STACK_HEIGHTS_H_
