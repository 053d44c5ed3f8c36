// The with statements of a code object, by its bytecode alone.
#ifndef PYSNAP_CPYTHON_WITH_BLOCKS_H_
#define PYSNAP_CPYTHON_WITH_BLOCKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "snapshotter/cpython/assignment_target.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/exception_table.h"
#include "snapshotter/cpython/instructions.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {

// One item of a with statement. Offsets are bytes of bytecode.
struct WithBlock {
  int32_t begin = 0;     // the last instruction of the item's expression; its line is that of the item
  int32_t entering = 0;  // the instruction that calls its enter method; from there to `body` it is being entered
  int32_t body = 0;
  int32_t handler = 0;  // where exceptions of its body go
  bool is_async = false;
  std::optional<std::string> target;  // what is written behind `as`
};

struct WithBlocks {
  std::vector<Instruction> instructions;
  std::vector<ExceptionRange> ranges;  // 3.11+
  std::vector<WithBlock> blocks;

  const WithBlock* FindByHandler(int32_t handler) const;
};

WithBlocks FindWithBlocks(const VersionSupport& version, const CodeInfo& code, const TargetTexts& texts);

// The block that a frame is entering: its enter method is called, or what that has returned is waited for.
const WithBlock* FindEntry(const WithBlocks& with, int32_t lasti);

// A frame that is within the call of a context manager's exit method, or waits for what that has returned.
struct Exit {
  enum class Kind {
    // The body was left without an exception.
    kNormal,
    // The same, and what the block returns is below the exit method on the stack.
    kNormalWithValue,
    kException,
  };
  // Null where the code alone does not tell: it is the one that was left last (up to 3.10).
  const WithBlock* block = nullptr;
  Kind kind = Kind::kNormal;
  bool is_awaiting = false;
};

// What the instruction that `lasti` belongs to says of it; nothing when it is no such call.
std::optional<Exit> FindExit(const VersionSupport& version, const WithBlocks& with, int32_t lasti);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_WITH_BLOCKS_H_
