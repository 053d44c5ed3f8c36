#include "snapshotter/native/stack_keeper.h"

#include <algorithm>
#include <vector>

namespace pysnap {
namespace {

constexpr char kMainStack[] = "[stack]";
// Leaf functions may use so much below their stack pointer (System V ABI, AMD64 supplement, 3.2.2).
constexpr int64_t kRedZone = 128;
// How far beyond its end a stack may be overflown before that shows: what one function takes at once.
constexpr int64_t kMaxOverflow = int64_t{1} << 20;
// Enough for the stacks of some hundred waiting threads.
constexpr uint64_t kPrefaultBytes = uint64_t{4} << 20;

}  // namespace

// Adds the outer ends of the stacks that the thread may have been on. The main thread's is as large as it has been in
// use, and is added whole.
void StackKeeper::AddOwnStacks(Address thread_pointer, std::vector<AddressRange>& ranges) const {
  const auto add = [&ranges](Address begin, Address end, uint64_t most) {
    const auto size = std::min(static_cast<uint64_t>(end - begin), most);
    ranges.push_back({end - static_cast<int64_t>(size), size});
  };
  if (const Mapping* mapping = modules_.FindMapping(thread_pointer); mapping != nullptr) {
    add(mapping->range.begin, thread_pointer, kFirstBytes);
  }
  for (const Mapping& mapping : modules_.mappings()) {
    if (mapping.path == kMainStack) add(mapping.range.begin, mapping.range.end(), kMaxBytesPerThread);
  }
}

const Mapping* StackKeeper::FindStack(Address sp) const {
  for (const Mapping& mapping : modules_.mappings()) {
    if (mapping.range.end() <= sp || !mapping.readable) continue;
    return mapping.range.begin - sp <= kMaxOverflow ? &mapping : nullptr;
  }
  return nullptr;
}

StackKeeper::StackKeeper(Target& target, const ModuleMap& modules)
    : modules_(modules), pages_(target.memory(), {.max_bytes = kMaxBytes, .prefault_bytes = kPrefaultBytes}) {}

void StackKeeper::Keep(absl::Span<const Registers> threads) {
  std::vector<AddressRange> first;
  std::vector<AddressRange> rest;
  for (const Registers& registers : threads) {
    Address begin = registers.sp - kRedZone;
    uint64_t size = kFirstBytes;
    const Mapping* mapping = FindStack(registers.sp);
    if (mapping != nullptr) {
      begin = std::max(begin, mapping->range.begin);
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
