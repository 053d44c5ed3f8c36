// Keeps the stacks of threads while a process is held still, so that they can be unwound when it runs again.
//
//   StackKeeper stacks(*target);
//   … stop it …
//   stacks.Keep(registers_of_its_threads);
//   … let it go …
//   Unwinder(*modules, stacks.memory()).Unwind(registers);
#ifndef PYSNAP_NATIVE_STACK_KEEPER_H_
#define PYSNAP_NATIVE_STACK_KEEPER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/memory/page_cache.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class StackKeeper {
 public:
  // Of one thread, from its stack pointer up, and of all together. A stack is 8 MiB at most unless it was
  // asked to be larger, and mostly a few pages of it are in use.
  static constexpr uint64_t kMaxBytesPerThread = uint64_t{32} << 20;
  static constexpr uint64_t kMaxBytes = uint64_t{128} << 20;
  // Kept of every thread before any gets more.
  static constexpr uint64_t kFirstBytes = uint64_t{256} << 10;

  // `modules` tells where stacks end, as far as its mappings do. Both outlive the keeper. Makes room, so that keeping
  // is quick.
  StackKeeper(Target& target, const ModuleMap& modules);

  // Reads the stacks as they are now, in two calls at most. To be called once.
  void Keep(absl::Span<const Registers> threads);

  // What was kept.
  Memory& memory() { return pages_; }
  uint64_t kept_bytes() const { return pages_.counts().pages * PageCache::kPageSize; }

 private:
  // The mapping that the stack pointer is in or, where the stack has overflown, the one above it. Null when there is
  // none.
  const Mapping* FindStack(Address sp) const;
  void AddOwnStacks(Address thread_pointer, std::vector<AddressRange>& ranges) const;

  const ModuleMap& modules_;
  PageCache pages_;
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_STACK_KEEPER_H_
