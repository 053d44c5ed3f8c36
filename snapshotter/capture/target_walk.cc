#include "snapshotter/capture/target_walk.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/capture/greenlet_records.h"
#include "snapshotter/capture/native_records.h"
#include "snapshotter/capture/task_records.h"
#include "snapshotter/capture/thread_names.h"
#include "snapshotter/capture/wait_records.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/greenlets.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/objects/absent.h"
#include "snapshotter/objects/frame_records.h"

namespace pysnap {
namespace {

// The native thread that runs `thread`; null when there is none, as for a thread state whose thread has ended.
const NativeThread* FindNative(const std::vector<NativeThread>& natives, const PythonThread& thread) {
  for (const NativeThread& native : natives) {
    if (thread.native_id != 0 ? static_cast<int64_t>(thread.native_id) == native.native_id
                              : native.pthread != 0 && thread.ident == native.pthread) {
      return &native;
    }
  }
  return nullptr;
}

std::optional<Address> ProgramCounter(const NativeThread* native) {
  if (native == nullptr || !native->registers.has_value()) return std::nullopt;
  return native->registers->pc;
}

struct WalkedThread {
  PythonThread python;
  int64_t native_id = 0;
  const NativeThread* native = nullptr;
  FrameChain chain;

  bool runs_nothing() const { return chain.frames.empty() && chain.truncated.ok() && !python.holds_gil; }
};

// Leaves out thread states that are no threads. Up to 3.11 the state of a thread that is about to start carries the
// ident of the thread that starts it (new_threadstate in Python/pystate.c) until the new thread replaces it, and an
// ident may be in use again before the state of the thread that had it is gone. Such a state has no frames.
void DropBorrowedIdents(std::vector<WalkedThread>& threads) {
  absl::flat_hash_set<std::pair<int64_t, uint64_t>> running;
  for (const WalkedThread& thread : threads) {
    if (!thread.runs_nothing()) running.emplace(thread.python.interpreter_id, thread.python.ident);
  }
  std::erase_if(threads, [&running](const WalkedThread& thread) {
    return thread.runs_nothing() && running.contains({thread.python.interpreter_id, thread.python.ident});
  });
}

class Walk {
 public:
  Walk(const WalkInput& input, Memory& memory, SnapshotBuilder* builder)
      : input_(input),
        memory_(memory),
        builder_(builder),
        code_reader_(*input.runtime, memory),
        frame_walker_(*input.runtime, memory, code_reader_),
        recorder_(*input.runtime, memory, code_reader_, frame_walker_, {.no_locals = input.options.no_locals}),
        crawler_(*input.runtime, memory, MakeOptions(), builder) {}

  WalkResult Run() {
    std::vector<WalkedThread> threads = Threads();
    std::vector<proto::Thread> records;
    records.reserve(threads.size());
    for (const WalkedThread& thread : threads) {
      NoteException(thread);
      records.push_back(Record(thread));
    }
    if (input_.native_stacks != nullptr) RecordOtherThreads(threads, records);
    const std::vector<proto::Task> tasks = RecordTasks(threads);
    const std::vector<proto::Greenlet> greenlets = RecordGreenletsOf(threads);
    const std::optional<proto::ProcessState> state =
        RecordProcessState(*input_.runtime, memory_, *input_.signals, *input_.native_threads, crawler_);
    const absl::Status status = crawler_.Run();
    result_.abandoned = absl::IsCancelled(status);
    if (!status.ok() && !result_.abandoned) Problem("objects", status.message());
    if (builder_ != nullptr) {
      FillWaits(threads, records);
      for (const proto::Thread& record : records) builder_->AddThread(record);
      for (const proto::Task& task : tasks) builder_->AddTask(task);
      for (const proto::Greenlet& greenlet : greenlets) builder_->AddGreenlet(greenlet);
      if (state.has_value()) builder_->AddProcessState(*state);
      if (exception_.object() != 0) builder_->AddException(exception_);
    }
    result_.threads = records.size();
    result_.objects = crawler_.object_count();
    result_.strings = crawler_.string_count();
    result_.limited = crawler_.limited();
    result_.secrets = crawler_.secrets();
    return result_;
  }

 private:
  CrawlOptions MakeOptions() {
    CrawlOptions options;
    options.max_objects = input_.options.max_objects;
    options.max_bytes = input_.options.max_bytes;
    options.max_depth = input_.options.max_depth;
    options.max_items = input_.options.max_items;
    options.touch_only = builder_ == nullptr;
    options.redaction = input_.redaction;
    options.secrets = input_.secrets;
    options.working_folder = input_.working_folder;
    options.layouts = input_.layouts;
    options.structs = input_.structs;
    options.open_files = input_.open_files;
    options.abandoned = input_.abandoned;
    options.progress = input_.progress;
    options.fill_code = recorder_.code_filler();
    options.fill_frame = recorder_.frame_filler();
    return options;
  }

  void Problem(absl::string_view where, absl::string_view reason) {
    ++result_.problems;
    if (builder_ != nullptr) builder_->AddProblem(where, reason);
  }

  // The main thread first, then by native id; frames read.
  std::vector<WalkedThread> Threads() {
    PythonThreadList list = ListPythonThreads(*input_.runtime, memory_);
    for (const absl::Status& status : list.problems) Problem("threads", status.message());
    std::vector<WalkedThread> threads;
    for (const PythonThread& python : list.threads) {
      crawler_.AddModules(python.modules);
      WalkedThread thread;
      thread.native = FindNative(*input_.native_threads, python);
      thread.native_id = thread.native != nullptr ? thread.native->native_id : static_cast<int64_t>(python.native_id);
      thread.chain = frame_walker_.WalkThread(python.state, ProgramCounter(thread.native));
      if (input_.options.native) frame_walker_.LocateEvaluations(python.state, thread.chain);
      thread.python = python;
      threads.push_back(std::move(thread));
    }
    DropBorrowedIdents(threads);
    std::sort(threads.begin(), threads.end(), [](const WalkedThread& a, const WalkedThread& b) {
      const auto key = [](const WalkedThread& thread) {
        return std::make_tuple(thread.python.interpreter_id != 0, !thread.python.is_main, thread.native_id,
                               thread.python.state);
      };
      return key(a) < key(b);
    });
    return threads;
  }

  void NoteException(const WalkedThread& thread) {
    const Occasion* occasion = input_.occasion;
    if (occasion == nullptr || occasion->exception == Occasion::Exception::kNone) return;
    if (thread.native_id == 0 || thread.native_id != occasion->reason.native_id()) return;
    // Of several interpreters that the thread is in, the one that has it.
    if (exception_.object() != 0) return;
    switch (occasion->exception) {
      case Occasion::Exception::kNone:
        break;
      case Occasion::Exception::kRaised:
        exception_.set_object(crawler_.RefRaised(thread.python.raised));
        break;
      case Occasion::Exception::kHandled:
        exception_.set_object(crawler_.RefEssential(thread.python.handling));
        break;
      case Occasion::Exception::kStored:
        exception_.set_object(crawler_.RefEssential(occasion->stored));
        break;
    }
    exception_.set_native_id(thread.native_id);
    result_.has_exception = exception_.object() != 0;
  }

  proto::Thread Record(const WalkedThread& thread) {
    const PythonThread& python = thread.python;
    proto::Thread record;
    record.set_native_id(thread.native_id);
    record.set_ident(python.ident);
    record.set_is_main(python.is_main);
    record.set_holds_gil(python.holds_gil);
    record.set_interpreter(python.interpreter_id);
    record.set_stopped(thread.native == nullptr || thread.native->stopped);
    std::string name;
    if (!python.state.is_null()) {
      const NamedThread named = names_.Find(*input_.runtime, memory_, python);
      name = named.name;
      if (!input_.options.no_locals) record.set_object(crawler_.Ref(named.object));
    }
    if (name.empty() && thread.native != nullptr) name = thread.native->comm;
    record.set_name(crawler_.String(name));
    const std::string where = absl::StrCat("thread ", thread.native_id != 0 ? absl::StrCat(thread.native_id) : name);
    const FrameInfo* callee = nullptr;
    for (const FrameInfo& frame : thread.chain.frames) {
      recorder_.Fill(frame, crawler_, *record.add_frame(), callee);
      callee = &frame;
      if (!frame.problem.ok()) {
        Problem(absl::StrCat("frame #", record.frame_size() - 1, " of ", where), frame.problem.message());
        ++result_.passing_problems;
      }
      if (frame.torn_slot.has_value() && !input_.options.no_locals) ++result_.passing_problems;
    }
    if (!thread.chain.truncated.ok()) {
      SetAbsent(thread.chain.truncated, *record.mutable_truncated());
      Problem(absl::StrCat("frames of ", where), thread.chain.truncated.message());
      ++result_.passing_problems;
    }
    if (input_.native_stacks != nullptr) RecordNative(thread, where, record);
    if (!record.stopped()) Problem(where, absl::StrCat("it was not stopped: ", thread.native->reason));
    record.set_handling(crawler_.RefEssential(python.handling));
    record.set_raised(crawler_.RefRaised(python.raised));
    return record;
  }

  // Threads that have never run Python code, which may be what crashed, or what the others wait for.
  void RecordOtherThreads(const std::vector<WalkedThread>& threads, std::vector<proto::Thread>& records) {
    absl::flat_hash_set<const NativeThread*> known;
    for (const WalkedThread& thread : threads) known.insert(thread.native);
    for (const NativeThread& native : *input_.native_threads) {
      if (known.contains(&native)) continue;
      WalkedThread thread;
      thread.native = &native;
      thread.native_id = native.native_id;
      thread.python.interpreter_id = -1;
      records.push_back(Record(thread));
    }
  }

  // When all locks are known.
  void FillWaits(const std::vector<WalkedThread>& threads, std::vector<proto::Thread>& records) {
    absl::flat_hash_map<int64_t, const WaitingCall*> waits;
    for (const NativeThread& native : *input_.native_threads) {
      if (native.waits.has_value()) waits.emplace(native.native_id, &*native.waits);
    }
    for (proto::Thread& record : records) {
      const auto found = waits.find(record.native_id());
      if (found == waits.end()) continue;
      const WaitingCall& call = *found->second;
      proto::Wait& wait = *record.mutable_wait();
      wait.set_system_call(crawler_.String(call.name));
      wait.set_has_timeout(call.has_timeout);
      RecordWaitedFiles(call, input_.waited_files, crawler_, wait);
      if (call.futex.is_null()) continue;
      wait.set_gil(IsWithinGil(threads, call.futex));
      // From 3.13 on threads wait in the runtime's parking lot, each on a semaphore of its own in a struct wait_entry
      // (Python/parking_lot.c); before that is the address that it is parked for.
      uint32_t lock = crawler_.RefLockAt(call.futex);
      if (lock == 0 && !call.before_futex.is_null()) lock = crawler_.RefLockAt(call.before_futex);
      wait.set_lock(lock);
    }
  }

  bool IsWithinGil(const std::vector<WalkedThread>& threads, Address futex) {
    Address interpreter;
    for (const WalkedThread& thread : threads) {
      if (thread.python.interpreter == interpreter) continue;
      interpreter = thread.python.interpreter;
      if (interpreter.is_null()) continue;
      const absl::StatusOr<AddressRange> gil = FindGil(*input_.runtime, memory_, interpreter);
      if (gil.ok() && gil->contains(futex)) return true;
    }
    return false;
  }

  std::vector<proto::Task> RecordTasks(const std::vector<WalkedThread>& threads) {
    std::vector<PythonThread> python_threads;
    absl::flat_hash_map<uint64_t, int64_t> native_ids;  // by ident
    for (const WalkedThread& thread : threads) {
      if (thread.python.interpreter.is_null()) continue;
      python_threads.push_back(thread.python);
      native_ids.try_emplace(thread.python.ident, thread.native_id);
    }
    const bool limited = input_.options.max_objects != 0 || input_.options.max_depth != 0;
    return pysnap::RecordTasks(*input_.runtime, memory_, frame_walker_, python_threads, native_ids, limited, crawler_,
                               [this](absl::string_view where, absl::string_view why) { Problem(where, why); });
  }

  std::vector<proto::Greenlet> RecordGreenletsOf(const std::vector<WalkedThread>& threads) {
    if (input_.greenlets == nullptr) return {};
    std::vector<PythonThread> python_threads;
    absl::flat_hash_map<Address, int64_t> native_ids;
    bool within = false;
    for (const WalkedThread& thread : threads) {
      if (thread.python.interpreter.is_null()) continue;
      python_threads.push_back(thread.python);
      native_ids.emplace(thread.python.state, thread.native_id);
      const std::optional<Address> pc = ProgramCounter(thread.native);
      within |= pc.has_value() && input_.greenlets->library.contains(*pc);
    }
    GreenletList list =
        ListGreenlets(*input_.runtime, memory_, *input_.greenlets, *input_.old_greenlets, python_threads, code_reader_);
    if (within) list.problems.push_back(absl::UnavailableError("a thread was stopped within greenlet's own code"));
    return RecordGreenlets(list, native_ids, recorder_, crawler_,
                           [this](absl::string_view where, const absl::Status& status) {
                             Problem(where, status.message());
                             const bool passes = absl::IsUnavailable(status) || absl::IsAborted(status);
                             if (passes) ++result_.passing_problems;
                           });
  }

  void RecordNative(const WalkedThread& thread, const std::string& where, proto::Thread& record) {
    const NativeStack* stack = thread.native == nullptr ? nullptr : input_.native_stacks->Find(thread.native_id);
    if (stack == nullptr) {
      const absl::Status status = absl::FailedPreconditionError(
          thread.native == nullptr ? "no thread of the system is known to be this one" : "it was not stopped");
      SetAbsent(status, *record.mutable_native_truncated());
      return Problem(absl::StrCat("native frames of ", where), status.message());
    }
    const absl::Status merged = RecordNativeFrames(
        *input_.native_stacks, *stack, thread.chain, [this](absl::string_view text) { return crawler_.String(text); },
        record);
    if (!stack->end.ok()) Problem(absl::StrCat("native frames of ", where), stack->end.message());
    if (!merged.ok()) Problem(absl::StrCat("native frames of ", where), merged.message());
  }

  const WalkInput& input_;
  Memory& memory_;
  SnapshotBuilder* builder_;  // null: touch only
  CodeReader code_reader_;
  FrameWalker frame_walker_;
  FrameRecorder recorder_;
  GraphCrawler crawler_;
  ThreadNames names_;
  proto::CrashException exception_;
  WalkResult result_;
};

}  // namespace

WalkResult TouchTarget(const WalkInput& input, Memory& memory) { return Walk(input, memory, nullptr).Run(); }

WalkResult RecordTarget(const WalkInput& input, Memory& memory, SnapshotBuilder& builder) {
  return Walk(input, memory, &builder).Run();
}

}  // namespace pysnap
