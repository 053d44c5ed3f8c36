#include "snapshotter/capture/native_stacks.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/string_view.h"
#include "snapshotter/capture/isolated.h"
#include "snapshotter/capture/transport.h"

namespace pysnap {
namespace {

// Of all stacks together. The debug information of the largest programs takes seconds to read.
constexpr std::chrono::seconds kUnwindTimeout(20);
constexpr std::chrono::seconds kSymbolizeTimeout(60);

void PutStack(std::string& out, const NativeStack& stack) {
  Put(out, stack.end.code());
  PutText(out, stack.end.message());
  for (const NativeFrame& frame : stack.frames) Put(out, frame);
}

NativeStack TakeStack(absl::string_view in) {
  NativeStack stack;
  const auto code = Take<absl::StatusCode>(in);
  stack.end = absl::Status(code, TakeText(in));
  stack.frames.reserve(in.size() / sizeof(NativeFrame));
  while (in.size() >= sizeof(NativeFrame)) stack.frames.push_back(Take<NativeFrame>(in));
  return stack;
}

void PutFunction(std::string& out, const NativeFunction& function) {
  PutText(out, function.name);
  PutText(out, function.symbol);
  PutText(out, function.file);
  Put(out, function.line);
  Put(out, function.offset);
  Put(out, function.from_table);
}

NativeFunction TakeFunction(absl::string_view& in) {
  NativeFunction function;
  function.name = TakeText(in);
  function.symbol = TakeText(in);
  function.file = TakeText(in);
  function.line = Take<uint32_t>(in);
  function.offset = Take<uint64_t>(in);
  function.from_table = Take<bool>(in);
  return function;
}

}  // namespace

NativeStacks::NativeStacks(Target& target)
    : target_(target), modules_(ModuleMap::Read(target)), keeper_(target, *modules_) {}

void NativeStacks::Keep(std::vector<Thread> threads) {
  std::vector<Registers> registers;
  registers.reserve(threads.size());
  for (const Thread& thread : threads) registers.push_back(thread.registers);
  keeper_.Keep(registers);
  threads_ = std::move(threads);
}

void NativeStacks::Decode() {
  Unwind();
  Symbolize();
}

void NativeStacks::Unwind() {
  // The first use is in the child, which keeps what libunwind makes of one stack for the next.
  Unwinder unwinder(*modules_, keeper_.memory());
  const auto work = [&](size_t i, std::string& out) { PutStack(out, unwinder.Unwind(threads_[i].registers)); };
  const auto done = [&](size_t i, absl::string_view out) { stacks_[threads_[i].native_id] = TakeStack(out); };
  const auto failed = [&](size_t i, const absl::Status& status) { stacks_[threads_[i].native_id].end = status; };
  RunIsolated(threads_.size(), kUnwindTimeout, {work, done, failed});
}

void NativeStacks::Symbolize() {
  std::vector<Address> instructions;
  for (const auto& [native_id, stack] : stacks_) {
    for (const NativeFrame& frame : stack.frames) {
      const auto [it, inserted] = code_.try_emplace(frame.instruction(), unknown_);
      if (!inserted) continue;
      instructions.push_back(frame.instruction());
      it->second.module = modules_->Find(frame.instruction());
    }
  }
  // Those of one library after the other.
  std::sort(instructions.begin(), instructions.end());
  Unwinder unwinder(*modules_, keeper_.memory());
  Symbolizer symbolizer(*modules_, target_);
  const auto work = [&](size_t i, std::string& out) {
    const Address instruction = instructions[i];
    for (const NativeFunction& function : symbolizer.Symbolize(instruction, unwinder.FunctionAround(instruction))) {
      PutFunction(out, function);
    }
  };
  const auto done = [&](size_t i, absl::string_view out) {
    std::vector<NativeFunction> functions;
    while (!out.empty()) functions.push_back(TakeFunction(out));
    if (!functions.empty()) code_[instructions[i]].functions = std::move(functions);
  };
  // Without names then.
  const auto failed = [](size_t, const absl::Status&) {};
  RunIsolated(instructions.size(), kSymbolizeTimeout, {work, done, failed});
}

const NativeStack* NativeStacks::Find(int64_t native_id) const {
  const auto it = stacks_.find(native_id);
  return it == stacks_.end() ? nullptr : &it->second;
}

const NativeStacks::Code& NativeStacks::CodeOf(const NativeFrame& frame) const {
  const auto it = code_.find(frame.instruction());
  return it == code_.end() ? unknown_ : it->second;
}

}  // namespace pysnap
