// The native call stacks of a target: taken in its pause, decoded when it runs again.
//
//   NativeStacks stacks(*target);      before the pause: reads which libraries there are
//   stacks.Keep(threads);              in the pause: copies what is in use of each thread's stack
//   stacks.Decode();                   after it
//   … stacks.Find(native_id) …
#ifndef PYSNAP_CAPTURE_NATIVE_STACKS_H_
#define PYSNAP_CAPTURE_NATIVE_STACKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/native/stack_keeper.h"
#include "snapshotter/native/symbolizer.h"
#include "snapshotter/native/unwinder.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class NativeStacks {
 public:
  // A thread that stands still.
  struct Thread {
    int64_t native_id = 0;
    Registers registers;
  };
  // What is known of one instruction.
  struct Code {
    // Innermost inlined first; never empty.
    std::vector<NativeFunction> functions;
    // Null: it is in none. As long as the NativeStacks.
    const Module* module = nullptr;
  };

  // Reads target.mappings() as they are, and what must be had of the memory before it changes. `target` outlives this.
  explicit NativeStacks(Target& target);

  // Copies the stacks. To be called once.
  void Keep(std::vector<Thread> threads);

  // Follows the stacks and names their functions, in a process of its own, so that whatever is wrong with the stacks
  // or the debug information costs no more than some names or frames. The target is needed only for debug files in a
  // root of its own. To be called once, before Find.
  void Decode();

  // Null for a thread that was not kept.
  const NativeStack* Find(int64_t native_id) const;
  // Of a frame in one of the stacks.
  const Code& CodeOf(const NativeFrame& frame) const;

 private:
  void Unwind();
  void Symbolize();

  Target& target_;
  std::unique_ptr<ModuleMap> modules_;
  StackKeeper keeper_;
  std::vector<Thread> threads_;
  absl::flat_hash_map<int64_t, NativeStack> stacks_;
  absl::flat_hash_map<Address, Code> code_;  // by NativeFrame::instruction()
  const Code unknown_{.functions = {NativeFunction()}, .module = nullptr};
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_NATIVE_STACKS_H_
