// The context managers that a frame is inside of.
#ifndef PYSNAP_CPYTHON_ACTIVE_CONTEXTS_H_
#define PYSNAP_CPYTHON_ACTIVE_CONTEXTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/stack_heights.h"
#include "snapshotter/cpython/with_blocks.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

struct ActiveContext {
  Address manager;       // null when `problem` is set
  absl::Status problem;  // why it is not known which object it is
  int32_t line = 0;      // of the item of the with statement; 0: not known
  bool is_async = false;
  bool is_entering = false;
  bool is_exiting = false;
  std::optional<std::string> target;  // see WithBlock
};

// Keeps what it found out about code objects. Not thread-safe.
class ContextReader {
 public:
  // All outlive the reader.
  ContextReader(const Runtime& runtime, Memory& memory, CodeReader& code_reader, FrameWalker& walker);

  // Outermost first; none for a frame that has not begun, or has ended. `callee`: the frame that it has called, if that
  // is of Python. An error where they cannot be told; one of them whose manager cannot be told says so itself.
  absl::StatusOr<std::vector<ActiveContext>> Read(const FrameInfo& frame, const FrameInfo* callee = nullptr);

  // What is on the stack of a frame that does not say how high it is: the part that an exception would leave.
  absl::StatusOr<std::vector<Address>> ReadSureStack(const FrameInfo& frame);
  // The same of a frame that is within a call: what is below the operands of the call, and what it calls. An error says
  // why that cannot be told.
  struct CallStack {
    std::vector<Address> stack;  // null: empty, or a number
    std::vector<std::pair<size_t, int64_t>> numbers;
    Address called;                 // null: not a call, or not asked for
    std::vector<Address> operands;  // of the instruction, `called` among them, bottom first
  };
  // `with_called`: the operands are still there, as they are while C code runs; Python code takes them.
  absl::StatusOr<CallStack> ReadCallStack(const FrameInfo& frame, bool with_called);
  // The frame's block stack, outermost first; empty from 3.11 on.
  absl::StatusOr<std::vector<TryBlock>> ReadBlocks(const FrameInfo& frame);

 private:
  // An active block, and where on the stack its exit method is.
  struct Place {
    const WithBlock* block;
    int64_t slot;
  };

  const WithBlocks& BlocksOf(const CodeInfo& code);
  const StackHeights& HeightsOf(const CodeInfo& code);
  absl::StatusOr<std::vector<Place>> FromBlockStack(const FrameInfo& frame, const WithBlocks& with);
  std::vector<Place> FromExceptionTable(const FrameInfo& frame, const WithBlocks& with) const;
  // Of the block that is being left; nothing when it is not certain which.
  absl::StatusOr<std::optional<Place>> PlaceOfExit(const FrameInfo& frame, const WithBlocks& with, const Exit& exit);
  absl::StatusOr<int32_t> BlockCount(const FrameInfo& frame);
  absl::StatusOr<TryBlock> ReadTryBlock(const FrameInfo& frame, int32_t index);

  absl::StatusOr<Address> ReadSlot(const FrameInfo& frame, int64_t slot);
  absl::StatusOr<Address> Manager(const FrameInfo& frame, const Place& place, const char* method, bool is_exiting);
  // Of a block that is being entered.
  absl::StatusOr<Address> ManagerOfEntry(const FrameInfo& frame,
                                         const FrameInfo* callee,
                                         const WithBlocks& with,
                                         const WithBlock& block);
  // What the enter or exit method of this name was called on, when it is not on the stack.
  absl::StatusOr<Address> ManagerOfCall(const FrameInfo& frame,
                                        const FrameInfo* callee,
                                        bool is_awaiting,
                                        const char* method);
  // What a callable is bound to; itself when it is no method.
  absl::StatusOr<Address> BoundTo(Address callable);
  // The first argument of a frame that runs a function of this name; null otherwise.
  absl::StatusOr<Address> FirstArgument(const FrameInfo& frame, const char* function);
  // Whether the object's class has a method of this name.
  absl::StatusOr<bool> HasMethod(Address object, const char* method);
  absl::StatusOr<bool> Defines(Address type, const char* method);
  std::optional<std::string> Name(Address str);
  std::optional<std::string> Constant(Address constant);

  const Runtime& runtime_;
  Memory& memory_;
  CodeReader& code_reader_;
  FrameWalker& walker_;
  NameLookup lookup_;
  TargetTexts texts_;
  absl::flat_hash_map<Address, std::unique_ptr<WithBlocks>> blocks_;        // by code
  absl::flat_hash_map<Address, std::unique_ptr<StackHeights>> heights_;     // by code
  absl::flat_hash_map<std::pair<Address, std::string>, bool> has_methods_;  // by type
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_ACTIVE_CONTEXTS_H_
