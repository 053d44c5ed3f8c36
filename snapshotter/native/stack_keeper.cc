#include "snapshotter/native/stack_keeper.h"

#include <algorithm>
#include <vector>

namespace pysnap {
namespace {

constexpr char kMainStack[] = "[stack]";
// Leaf functions may use so much below their stack pointer (System V ABI, AMD64 supplement, 3.2.2).
constexpr int64_t kRedZone = 128;
// Enough for the stacks of some hundred waiting threads.
constexpr uint64_t kPrefaultBytes = uint64_t{4} << 20;

}  // namespace

// Adds the outer ends of the stacks that the thread may have been on.
void StackKeeper::AddOwnStacks(Address thread_pointer, std::vector<AddressRange>& ranges) const {
  const auto add = [&ranges](Address begin, Address end) {
    const auto size = std::min(static_cast<uint64_t>(end - begin), kFirstBytes);
    ranges.push_back({end - static_cast<int64_t>(size), size});
  };
  if (const Mapping* mapping = modules_.FindMapping(thread_pointer); mapping != nullptr) {
    add(mapping->range.begin, thread_pointer);
  }
  for (const Mapping& mapping : modules_.mappings()) {
    if (mapping.path == kMainStack) add(mapping.range.begin, mapping.range.end());
  }
}

StackKeeper::StackKeeper(Target& target, const ModuleMap& modules)
    : modules_(modules), pages_(target.memory(), {.max_bytes = kMaxBytes, .prefault_bytes = kPrefaultBytes}) {}

void StackKeeper::Keep(absl::Span<const Registers> threads) {
  std::vector<AddressRange> first;
  std::vector<AddressRange> rest;
  for (const Registers& registers : threads) {
    const Address begin = registers.sp - kRedZone;
    uint64_t size = kFirstBytes;
    const Mapping* mapping = modules_.FindMapping(registers.sp);
    if (mapping != nullptr) {
      size = static_cast<uint64_t>(mapping->range.end() - begin);
      // On a stack of its own (sigaltstack), a signal handler leaves unsaid where on the thread's it was called.
      if (mapping->path != kMainStack && mapping != modules_.FindMapping(registers.thread_pointer)) {
        AddOwnStacks(registers.thread_pointer, first);
      }
    }
    // glibc and musl keep what belongs to a thread above its stack, in the same mapping.
    const uint64_t to_thread = registers.thread_pointer.value() - begin.value();
    size = std::min({size, to_thread, kMaxBytesPerThread});
    first.push_back({begin, std::min(size, kFirstBytes)});
    if (size > kFirstBytes) rest.push_back({begin + static_cast<int64_t>(kFirstBytes), size - kFirstBytes});
  }
  pages_.Prefetch(first);
  if (!rest.empty()) pages_.Prefetch(rest);
  pages_.Freeze();
}

}  // namespace pysnap
