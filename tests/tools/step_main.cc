// Lets the main thread of a process go on by one machine instruction at a time, and reads its Python frames after each:
// `pysnap_step PID INSTRUCTIONS`. Whatever instruction a thread is stopped at, its frames can be told, between two
// instructions they change by one call or one return at most, and a local variable that is not torn holds an object.
// What breaks this is printed; the last line counts.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/runtime_locator.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/page_cache.h"
#include "snapshotter/objects/type_table.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/registers.h"

namespace pysnap {
namespace {

// Different breaches that are printed; more are only counted.
constexpr size_t kMaxPrinted = 20;

// What a thread runs, outermost first.
struct Stack {
  std::vector<Address> frames;
  std::vector<std::string> names;
  std::vector<std::string> problems;
  // The thread stands where its frames cannot be told.
  bool unavailable = false;
  size_t torn = 0;
};

// Locals of the frame that hold no object, though nothing says so.
void CheckLocals(const Runtime& runtime, Memory& memory, TypeTable& types, const FrameInfo& frame, Stack& stack) {
  for (size_t slot = 0; slot < frame.slots.size(); ++slot) {
    if (frame.slots[slot].is_null() || slot == frame.torn_slot) continue;
    const absl::StatusOr<Address> type = memory.ReadPointer(frame.slots[slot] + runtime.layout.PyObject.ob_type);
    const absl::Status status = type.ok() ? types.CheckIsType(*type) : type.status();
    if (status.ok()) continue;
    stack.problems.push_back(absl::StrFormat("variable %s of %s: %s",
                                             ReadText(runtime, memory, frame.code->variables[slot]).value_or("?"),
                                             stack.names.back(), status.message()));
  }
}

Stack ReadStack(const Runtime& runtime, Memory& memory, pid_t tid) {
  PageCache pages(memory);
  CodeReader code_reader(runtime, pages);
  FrameWalker walker(runtime, pages, code_reader);
  TypeTable types(runtime, pages, nullptr);
  Stack stack;
  const absl::StatusOr<Registers> registers = ReadThreadRegisters(tid);
  const PythonThreadList list = ListPythonThreads(runtime, pages);
  for (const absl::Status& status : list.problems) stack.problems.emplace_back(status.message());
  for (const PythonThread& thread : list.threads) {
    if (!thread.is_main) continue;
    const FrameChain chain =
        walker.WalkThread(thread.state, registers.ok() ? std::optional(registers->pc) : std::nullopt);
    stack.unavailable = absl::IsUnavailable(chain.truncated);
    if (stack.unavailable) return stack;
    if (!chain.truncated.ok()) stack.problems.emplace_back(chain.truncated.message());
    for (auto frame = chain.frames.rbegin(); frame != chain.frames.rend(); ++frame) {
      if (!frame->problem.ok()) stack.problems.emplace_back(frame->problem.message());
      stack.frames.push_back(frame->address);
      const bool known = frame->code != nullptr;
      stack.names.push_back(known ? ReadText(runtime, pages, frame->code->name).value_or("?") : "?");
      if (known) CheckLocals(runtime, pages, types, *frame, stack);
      if (frame->torn_slot.has_value()) ++stack.torn;
    }
  }
  if (stack.frames.empty()) stack.problems.emplace_back("no frames");
  return stack;
}

// Why the one cannot follow the other; nothing when it can.
std::optional<std::string> Breach(const Stack& before, const Stack& after) {
  if (!after.problems.empty()) return absl::StrJoin(after.problems, "; ");
  size_t same = 0;
  while (same < before.frames.size() && same < after.frames.size() && before.frames[same] == after.frames[same] &&
         before.names[same] == after.names[same]) {
    ++same;
  }
  const size_t returned = before.frames.size() - same;
  const size_t called = after.frames.size() - same;
  if (returned + called <= 1) return std::nullopt;
  return absl::StrFormat("%s became %s", absl::StrJoin(before.names, " "), absl::StrJoin(after.names, " "));
}

class Stepper {
 public:
  explicit Stepper(pid_t pid) : pid_(pid) {}

  bool Start() {
    return ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) == 0 && ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) == 0 &&
           Await();
  }
  // False when the process has ended.
  bool Step() { return ptrace(PTRACE_SINGLESTEP, pid_, nullptr, static_cast<intptr_t>(signal_)) == 0 && Await(); }
  void End() { ptrace(PTRACE_DETACH, pid_, nullptr, static_cast<intptr_t>(signal_)); }

 private:
  bool Await() {
    int status = 0;
    while (waitpid(pid_, &status, __WALL) < 0) {
      if (errno != EINTR) return false;
    }
    if (!WIFSTOPPED(status)) return false;
    const bool event = status >> 16 != 0;
    signal_ = event || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    return true;
  }

  const pid_t pid_;
  int signal_ = 0;
};

int Run(pid_t pid, uint64_t instructions) {
  const absl::StatusOr<std::unique_ptr<LiveTarget>> target = LiveTarget::Open(pid);
  const absl::StatusOr<Runtime> runtime = target.ok() ? LocateRuntime(**target) : target.status();
  if (!runtime.ok()) {
    std::fprintf(stderr, "%s\n", std::string(runtime.status().message()).c_str());
    return 1;
  }
  Stepper stepper(pid);
  if (!stepper.Start()) {
    std::fprintf(stderr, "process %d cannot be traced\n", pid);
    return 1;
  }
  uint64_t breaches = 0;
  uint64_t calls = 0;
  size_t deepest = 0;
  absl::flat_hash_set<std::string> printed;
  Stack before = ReadStack(*runtime, (*target)->memory(), pid);
  uint64_t unavailable = 0;
  uint64_t torn = 0;
  uint64_t step = 0;
  for (; step < instructions && stepper.Step(); ++step) {
    Stack after = ReadStack(*runtime, (*target)->memory(), pid);
    if (after.unavailable) {
      ++unavailable;
      continue;
    }
    if (const auto breach = Breach(before, after)) {
      ++breaches;
      const auto registers = ReadThreadRegisters(pid);
      const std::string line =
          absl::StrFormat("pc %#x: %s", registers.ok() ? registers->pc.value() : 0, breach->c_str());
      if (printed.size() < kMaxPrinted && printed.insert(line).second) {
        std::printf("instruction %llu, %s\n", static_cast<unsigned long long>(step), line.c_str());
      }
    }
    torn += after.torn;
    calls += after.frames.size() > before.frames.size() ? 1 : 0;
    deepest = std::max(deepest, after.frames.size());
    if (after.problems.empty()) before = std::move(after);
  }
  stepper.End();
  std::printf("%s\n", absl::StrFormat("instructions %d calls %d deepest %d unavailable %d torn %d breaches %d", step,
                                      calls, deepest, unavailable, torn, breaches)
                          .c_str());
  return 0;
}

}  // namespace
}  // namespace pysnap

int main(int argc, char** argv) {
  int pid = 0;
  uint64_t instructions = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[1], &pid) || !absl::SimpleAtoi(argv[2], &instructions)) {
    std::fprintf(stderr, "usage: pysnap_step PID INSTRUCTIONS\n");
    return 2;
  }
  return pysnap::Run(pid, instructions);
}
