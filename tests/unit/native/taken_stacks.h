// A paused process's stacks, taken as a capture takes them.
#ifndef PYSNAP_TESTS_UNIT_NATIVE_TAKEN_STACKS_H_
#define PYSNAP_TESTS_UNIT_NATIVE_TAKEN_STACKS_H_

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "snapshotter/native/module_map.h"
#include "snapshotter/native/stack_keeper.h"
#include "snapshotter/native/unwinder.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/pause.h"

namespace pysnap::testing {

class TakenStacks {
 public:
  // Takes them and lets the process go on.
  explicit TakenStacks(pid_t pid) {
    auto opened = LiveTarget::Open(pid);
    EXPECT_TRUE(opened.ok()) << opened.status();
    target_ = *std::move(opened);
    modules_ = ModuleMap::Read(*target_);
    keeper_ = std::make_unique<StackKeeper>(*target_, *modules_);
    const auto report = PauseAndRead(*target_, {}, [this](PausedProcess& paused) {
      for (const PausedThread& thread : paused.threads()) {
        const auto registers = paused.ReadRegisters(thread.thread.tid);
        EXPECT_TRUE(registers.ok()) << registers.status();
        registers_.push_back(registers.value_or(Registers()));
      }
      keeper_->Keep(registers_);
    });
    EXPECT_TRUE(report.ok()) << report.status();
    unwinder_ = std::make_unique<Unwinder>(*modules_, keeper_->memory());
  }

  Target& target() { return *target_; }
  ModuleMap& modules() { return *modules_; }
  StackKeeper& keeper() { return *keeper_; }
  Unwinder& unwinder() { return *unwinder_; }
  const std::vector<Registers>& registers() const { return registers_; }

  NativeStack Unwind(size_t thread = 0) { return unwinder_->Unwind(registers_[thread]); }

  // How many frames of the stack are in the function that holds `code`.
  template <typename Function>
  size_t Count(const NativeStack& stack, Function* function) {
    const Address begin(reinterpret_cast<uint64_t>(function));
    size_t count = 0;
    for (const NativeFrame& frame : stack.frames) {
      count += unwinder_->FunctionAround(frame.instruction()).begin == begin ? 1 : 0;
    }
    return count;
  }

 private:
  std::unique_ptr<LiveTarget> target_;
  std::unique_ptr<ModuleMap> modules_;
  std::unique_ptr<StackKeeper> keeper_;
  std::vector<Registers> registers_;
  std::unique_ptr<Unwinder> unwinder_;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_UNIT_NATIVE_TAKEN_STACKS_H_
