#include "snapshotter/cpython/behaviours/data_stack.h"

#include <cstdint>

namespace pysnap {
namespace {

// One chunk holds 16 KiB of frames or more (DATA_STACK_CHUNK_SIZE, Python/pystate.c); ends a corrupted list.
constexpr size_t kMaxChunks = 10'000'000;

constexpr int64_t kWord = sizeof(uint64_t);

}  // namespace

absl::StatusOr<DataStack::Chunk> DataStack::FindChunk(Address address) const {
  const auto& layout = runtime_.layout._PyStackChunk;
  const auto& thread_layout = runtime_.layout.PyThreadState;
  ASSIGN_OR_RETURN(const Address top, Top());
  ASSIGN_OR_RETURN(Address chunk, memory_.ReadPointer(thread_state_ + thread_layout.datastack_chunk));
  for (size_t i = 0; !chunk.is_null() && i < kMaxChunks; ++i) {
    ASSIGN_OR_RETURN(const uint64_t size, memory_.ReadValue<uint64_t>(chunk + layout.size));
    ASSIGN_OR_RETURN(const Address previous, memory_.ReadPointer(chunk + layout.previous));
    const AddressRange range = {chunk, size};
    if (range.contains(address)) {
      const Address data = chunk + layout.data;
      // The first chunk begins with a word that stays unused (push_chunk).
      Chunk found = {.begin = previous.is_null() ? data + kWord : data, .end = top};
      // The last chunk's top is in the thread state; in the chunk it was noted when the next one was made.
      if (i > 0 || !range.contains(top)) {
        ASSIGN_OR_RETURN(const uint64_t words, memory_.ReadValue<uint64_t>(chunk + layout.top));
        if (words > size / kWord) return absl::DataLossError("a chunk of frames that ends behind its end");
        found.end = data + static_cast<int64_t>(words) * kWord;
      }
      return found;
    }
    chunk = previous;
  }
  return Chunk();
}

absl::StatusOr<Address> DataStack::Top() const {
  return memory_.ReadPointer(thread_state_ + runtime_.layout.PyThreadState.datastack_top);
}

absl::StatusOr<bool> DataStack::IsEmpty() const {
  ASSIGN_OR_RETURN(const Address top, Top());
  ASSIGN_OR_RETURN(const Address chunk,
                   memory_.ReadPointer(thread_state_ + runtime_.layout.PyThreadState.datastack_chunk));
  if (chunk.is_null()) return true;
  ASSIGN_OR_RETURN(const Address previous, memory_.ReadPointer(chunk + runtime_.layout._PyStackChunk.previous));
  return previous.is_null() && top == chunk + runtime_.layout._PyStackChunk.data + kWord;
}

absl::StatusOr<bool> DataStack::IsAlive(Address frame) const {
  ASSIGN_OR_RETURN(const Chunk chunk, FindChunk(frame));
  return !chunk.begin.is_null() && chunk.begin <= frame && frame < chunk.end;
}

absl::StatusOr<bool> DataStack::AreNeighbours(Address inner, Address outer, uint64_t outer_size) const {
  if (outer + static_cast<int64_t>(outer_size) == inner) return true;
  ASSIGN_OR_RETURN(const Chunk chunk, FindChunk(inner));
  return chunk.begin == inner;
}

}  // namespace pysnap
