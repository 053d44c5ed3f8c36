// The native call stack of a thread, from its registers, kept memory and the unwind information of what is mapped.
//
//   Unwinder unwinder(*modules, kept_pages);
//   NativeStack stack = unwinder.Unwind(registers);
//
// Nothing is guessed: a frame is there because unwind information says so, and where there is none, or the memory it
// leads to was not kept, the stack ends with that as its reason.
#ifndef PYSNAP_NATIVE_UNWINDER_H_
#define PYSNAP_NATIVE_UNWINDER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/registers.h"

namespace pysnap {

// One frame of machine code; functions inlined into it have none of their own.
struct NativeFrame {
  Address pc;
  // At that instruction. The frame reaches from here to the `sp` of the frame that called it.
  Address sp;
  // `pc` is where a call will return to: the call itself stands before it.
  bool after_call = false;
  // Not a function but what the kernel put on the stack to call a signal handler; its caller was interrupted.
  bool is_signal_trampoline = false;

  // An address within the instruction that the frame is at.
  Address instruction() const { return after_call ? pc - 1 : pc; }
};

struct NativeStack {
  std::vector<NativeFrame> frames;  // innermost first
  // OK: the last frame is the outermost one, where the thread began. Otherwise why it is the last: NotFound (no unwind
  // information for its pc), OutOfRange (stack or registers that were not kept or are not readable), DataLoss (the
  // stack contradicts itself), ResourceExhausted (more frames than kMaxFrames).
  absl::Status end;
};

class Unwinder {
 public:
  // More frames than this are not followed: a stack of 8 MiB holds at most half as many.
  static constexpr size_t kMaxFrames = 1'000'000;

  // `kept` has the pages of the stacks. Both outlive the unwinder.
  Unwinder(ModuleMap& modules, Memory& kept);
  ~Unwinder();
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  NativeStack Unwind(const Registers& registers, size_t max_frames = kMaxFrames);

  // The code around `pc` that its unwind information covers, which is a function or, when the compiler has moved cold
  // code away, a part of one. Of size 0 when there is none.
  AddressRange FunctionAround(Address pc);

 private:
  class Context;
  std::unique_ptr<Context> context_;
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_UNWINDER_H_
