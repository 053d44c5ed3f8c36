#include "snapshotter/cpython/behaviours/stack_ref.h"

namespace pysnap {

Address StackRefPlain(uint64_t bits) { return Address(bits); }

Address StackRefTagged(uint64_t bits) {
  constexpr uint64_t kTags = 3;
  if ((bits & kTags) == kTags) return Address();
  // PyStackRef_NULL is a null pointer with a tag.
  return Address(bits & ~kTags);
}

}  // namespace pysnap
