// Python frames in the target: chains of them, and what one holds.
#ifndef PYSNAP_CPYTHON_FRAME_WALKER_H_
#define PYSNAP_CPYTHON_FRAME_WALKER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// One frame's contents. Addresses are of objects in the target; null: there is none.
struct FrameInfo {
  // The PyFrameObject (up to 3.10) or the _PyInterpreterFrame (3.11+).
  Address address;
  const CodeInfo* code = nullptr;  // owned by the CodeReader; null when `problem` is set
  Address function;
  Address globals;
  Address builtins;
  // f_locals, when it is the namespace of a class body, a module or exec'd code.
  Address local_namespace;
  // The PyFrameObject, where one exists.
  Address frame_object;
  int32_t lasti = -1;  // bytes; -1: not started
  SourcePosition position;
  // The values of code->variables, slot by slot; null: unbound. A slot of a cell or free variable holds the cell (or,
  // from 3.11 on, what a celled argument held before its cell was made).
  std::vector<Address> slots;
  // The evaluation stack, bottom first, as far as the frame itself vouches for it; `stack_known` is false while the
  // interpreter keeps its height in a register.
  std::vector<Address> stack;
  // What is an integer of the interpreter's own on it, and no object (an index of a loop, from 3.14 on): by its place.
  std::vector<std::pair<size_t, int64_t>> stack_numbers;
  bool stack_known = false;
  // Where its stack begins, whatever is known of its height.
  Address stack_base;
  // It was left for good, and somebody keeps its frame object (that of a traceback).
  bool has_ended = false;
  // True for a frame that C code entered the evaluation loop for.
  bool is_entry = true;
  // What it returns goes to a frame of the interpreter's own, which is not shown: from 3.13 on that of a call of a
  // class, where __init__ returns (_Py_InitCleanup, Python/specialize.c).
  bool has_hidden_caller = false;
  // The slot whose value cannot be told, because the thread was stopped while it changed it; a moment later it can.
  std::optional<uint32_t> torn_slot;
  // Why the contents are missing. `code` and `position` are set as far as they could be read.
  absl::Status problem;
};

// One call of the evaluation loop in C, and the frames that it evaluates: one up to 3.10, from 3.11 on also those that
// Python code called from there.
struct Evaluation {
  // Something that lies on the C stack, in the frame of that call; null where the version has no such thing (up to 3.9)
  // or it was not looked for.
  Address stack_address;
  // FrameChain::frames from here on.
  size_t first_frame = 0;
  size_t frame_count = 0;
};

// A chain of frames, innermost first.
struct FrameChain {
  std::vector<FrameInfo> frames;
  // All frames in their order, divided; innermost first.
  std::vector<Evaluation> evaluations;
  // Set when the chain could not be followed to its end; what was read of it is kept. Unavailable when the thread was
  // stopped where its frames cannot be told, and will be a moment later.
  absl::Status truncated;
};

// Where a frame stands within what a version chains together.
struct FrameLinks {
  Address previous;
  // Neither shown nor counted: an entry shim of the evaluation loop, or a frame whose prologue has not run yet, which
  // Python itself does not show.
  bool hidden = false;
  // A hidden frame that marks that its caller in C entered the evaluation loop (3.12+).
  bool is_shim = false;
};

// Reads frames of every version; which steps that takes is the choice of VersionSupport. Not thread-safe.
class FrameWalker {
 public:
  // All outlive the walker.
  FrameWalker(const Runtime& runtime, Memory& memory, CodeReader& code_reader)
      : runtime_(runtime), memory_(memory), code_reader_(code_reader) {}

  // The frames of a running thread. `pc`: where it is stopped, if that is known.
  FrameChain WalkThread(Address thread_state, std::optional<Address> pc = std::nullopt);

  // The frames from this one outwards: a PyFrameObject (up to 3.10) or a _PyInterpreterFrame (3.11+); none for null.
  FrameChain WalkFrom(Address frame);

  // Finds out where on the C stack each of the chain's evaluations is, for versions that WalkThread does not tell it
  // of. What cannot be had stays null.
  void LocateEvaluations(Address thread_state, FrameChain& chain);

  // One frame: a PyFrameObject (up to 3.10) or a _PyInterpreterFrame (3.11+), e.g. a generator's.
  FrameInfo ReadFrame(Address frame);

  // The frame behind a PyFrameObject, of any version. DataLoss when it is none.
  absl::StatusOr<FrameInfo> ReadFrameObject(Address frame_object);

 private:
  const Runtime& runtime_;
  Memory& memory_;
  CodeReader& code_reader_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_FRAME_WALKER_H_
