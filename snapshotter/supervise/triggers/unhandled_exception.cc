#include "snapshotter/supervise/triggers/unhandled_exception.h"

#include <string>

#include "absl/strings/match.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/supervise/triggers/never_retrieved.h"

namespace pysnap {
namespace {

// thread_run, Modules/_threadmodule.c: what the text begins with is not the same in all versions.
constexpr char kThreadText[] = "in thread started by";
constexpr size_t kMaxText = 256;

// The Python thread that the native one runs. Of the states of several interpreters, the one with an exception.
absl::StatusOr<PythonThread> FindThread(const Runtime& runtime,
                                        Memory& memory,
                                        int64_t native_id,
                                        const Registers& registers) {
  std::optional<PythonThread> found;
  for (const PythonThread& thread : ListPythonThreads(runtime, memory).threads) {
    const bool same = thread.native_id != 0 ? static_cast<int64_t>(thread.native_id) == native_id
                                            : thread.ident == registers.pthread.value();
    if (same && (!found.has_value() || found->raised.is_null())) found = thread;
  }
  if (!found.has_value()) return absl::NotFoundError("the thread has no thread state");
  return *found;
}

absl::StatusOr<bool> IsSystemExit(const Runtime& runtime, Memory& memory, const RaisedException& exception) {
  ASSIGN_OR_RETURN(const Address system_exit, memory.ReadPointer(runtime.Symbol("PyExc_SystemExit")));
  if (!exception.type.is_null()) return IsSubtype(runtime, memory, exception.type, system_exit);
  return IsInstance(runtime, memory, exception.value, system_exit);
}

}  // namespace

absl::StatusOr<Finding> UnhandledException::Examine(TrapPoint::Kind kind,
                                                    const ThreadHook& hook,
                                                    const Runtime& runtime,
                                                    Memory& memory,
                                                    int64_t native_id,
                                                    const Registers& registers) {
  using Kind = TrapPoint::Kind;
  if (kind == Kind::kFinalize) return Finding{.kind = Finding::Kind::kFinalize};
  if (kind == Kind::kNeverRetrieved) {
    ASSIGN_OR_RETURN(const Address exception, FindNeverRetrieved(runtime, memory, registers));
    return Finding{.kind = Finding::Kind::kCrash, .exception = Occasion::Exception::kStored, .stored = exception};
  }
  if (kind == Kind::kStructSequence && Address(registers.arguments[0]) != hook.arguments_type) {
    return Finding();
  }
  if (kind == Kind::kUnraisable) {
    const auto text = memory.ReadCString(Address(registers.arguments[0]), kMaxText);
    if (!text.ok() || !absl::StrContains(*text, kThreadText)) return Finding();
  }
  ASSIGN_OR_RETURN(const PythonThread thread, FindThread(runtime, memory, native_id, registers));
  if (kind == Kind::kStructSequence) return ExamineThread(&hook, runtime, memory, thread, registers);
  if (kind == Kind::kThreadHook) return ExamineThread(nullptr, runtime, memory, thread, registers);

  if (thread.raised.is_null()) return Finding();
  const Printed printed{native_id, thread.raised};
  const bool seen = kind == Kind::kPrintEx && printed_ == printed;
  printed_.reset();
  if (seen) return Finding();
  if (kind == Kind::kPrint) printed_ = printed;
  ASSIGN_OR_RETURN(const bool system_exit, IsSystemExit(runtime, memory, thread.raised));
  // In a thread of _thread it ends that one only (thread_run).
  if (system_exit && kind == Kind::kUnraisable) return Finding();
  return Finding{.kind = system_exit ? Finding::Kind::kExit : Finding::Kind::kCrash,
                 .exception = Occasion::Exception::kRaised};
}

// `hook` is null where the function itself was called, and not the constructor of its argument: that has to be about
// the exception that the thread handles.
absl::StatusOr<Finding> UnhandledException::ExamineThread(const ThreadHook* hook,
                                                          const Runtime& runtime,
                                                          Memory& memory,
                                                          const PythonThread& thread,
                                                          const Registers& registers) {
  if (thread.handling.is_null()) return Finding();
  if (hook != nullptr) {
    // The arguments of the constructor: a tuple whose first item is the list [type, value, traceback, thread].
    const Layout& layout = runtime.layout;
    ASSIGN_OR_RETURN(const Address list,
                     memory.ReadPointer(Address(registers.arguments[1]) + layout.PyTupleObject.ob_item));
    ASSIGN_OR_RETURN(const bool is_list, IsInstance(runtime, memory, list, runtime.Symbol("PyList_Type")));
    if (!is_list) return Finding();
    ASSIGN_OR_RETURN(const Address items, memory.ReadPointer(list + layout.PyListObject.ob_item));
    ASSIGN_OR_RETURN(const Address value, memory.ReadPointer(items + static_cast<int64_t>(sizeof(uint64_t))));
    if (value != thread.handling) return Finding();
  }
  ASSIGN_OR_RETURN(const bool system_exit,
                   IsSystemExit(runtime, memory, {.type = {}, .value = thread.handling, .traceback = {}}));
  // SystemExit ends the thread, and nothing else.
  if (system_exit) return Finding();
  return Finding{.kind = Finding::Kind::kCrash, .exception = Occasion::Exception::kHandled};
}

}  // namespace pysnap
