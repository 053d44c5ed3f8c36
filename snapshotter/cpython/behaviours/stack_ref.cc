#include "snapshotter/cpython/behaviours/stack_ref.h"

namespace pysnap {
namespace {

constexpr uint64_t kTags = 3;
constexpr int kTagBits = 2;

}  // namespace

Address StackRefPlain(uint64_t bits) { return Address(bits); }

std::optional<int64_t> NoStackNumber(uint64_t) { return std::nullopt; }

Address StackRefTagged(uint64_t bits) {
  if ((bits & kTags) == kTags) return Address();
  // PyStackRef_NULL is a null pointer with a tag.
  return Address(bits & ~kTags);
}

std::optional<int64_t> TaggedStackNumber(uint64_t bits) {
  if ((bits & kTags) != kTags) return std::nullopt;
  return static_cast<int64_t>(bits) >> kTagBits;
}

}  // namespace pysnap
