// The memory in which a thread has its frames (3.11+), but for those of generators.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_DATA_STACK_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_DATA_STACK_H_

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// A list of chunks, in which frames lie one behind the other in the order in which they were called
// (_PyThreadState_PushFrame, Python/pystate.c). The references outlive it.
class DataStack {
 public:
  DataStack(const Runtime& runtime, Memory& memory, Address thread_state)
      : runtime_(runtime), memory_(memory), thread_state_(thread_state) {}

  // Where the last of the frames that have been pushed ends.
  absl::StatusOr<Address> Top() const;
  absl::StatusOr<bool> IsEmpty() const;
  // Whether a frame at this address has been pushed and not popped.
  absl::StatusOr<bool> IsAlive(Address frame) const;
  // Whether nothing lies between two living frames: the inner one is where the outer one, of this size in bytes, ends,
  // or is the first of its chunk.
  absl::StatusOr<bool> AreNeighbours(Address inner, Address outer, uint64_t outer_size) const;

 private:
  struct Chunk {
    Address begin;  // of the frames; null when there is none
    Address end;    // of the frames that are alive
  };
  // That in which the address lies.
  absl::StatusOr<Chunk> FindChunk(Address address) const;

  const Runtime& runtime_;
  Memory& memory_;
  const Address thread_state_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_DATA_STACK_H_
