#include "snapshotter/format/text_view.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "snapshotter/format/exception_view.h"
#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/greenlet_text.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/task_text.h"
#include "snapshotter/format/task_wait.h"
#include "snapshotter/format/text_style.h"
#include "snapshotter/format/text_writer.h"
#include "snapshotter/format/utf8.h"
#include "snapshotter/format/wait_view.h"

namespace pysnap::format {
namespace {

// Of an event loop that is idle for ever.
constexpr size_t kMaxIdleTasks = 20;

std::string Str(std::string_view text) { return std::string(text); }

std::string TimeText(int64_t time_ns) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixNanos(time_ns), absl::UTCTimeZone());
}

// What was run: the script or module of a python command line, else the executable's name.
std::string ProgramName(const proto::Process& process) {
  const auto base_name = [](std::string_view path) { return Str(path.substr(path.rfind('/') + 1)); };
  for (int i = 1; i < process.argv_size(); ++i) {
    const std::string& arg = process.argv(i);
    if (arg == "-c") return "python -c";
    if (arg == "-m") return i + 1 < process.argv_size() ? "python -m " + process.argv(i + 1) : "python -m";
    if (arg == "-X" || arg == "-W") {
      ++i;
      continue;
    }
    if (!arg.empty() && arg[0] != '-') return base_name(arg);
  }
  if (process.argv_size() > 0 && !process.argv(0).empty()) return base_name(process.argv(0));
  return process.executable().empty() ? "?" : base_name(process.executable());
}

// "SIGSEGV at 0x10 in thread 12", "exit code 3".
std::string ReasonText(const proto::Reason& reason) {
  std::string text = ReasonName(reason.kind());
  if (reason.has_signal()) absl::StrAppend(&text, " ", SignalName(reason.signal()));
  if (reason.has_exit_code()) absl::StrAppend(&text, " code ", reason.exit_code());
  if (reason.has_fault_address()) absl::StrAppend(&text, " at ", AddressText(reason.fault_address()));
  if (reason.has_native_id()) absl::StrAppend(&text, " in thread ", reason.native_id());
  return text;
}

class View {
 public:
  View(const LoadedSnapshot& snapshot, const ShowOptions& options, const TextSink& sink)
      : snapshot_(snapshot),
        options_(options),
        style_(options.color),
        waits_(snapshot),
        writer_(snapshot, options, sink) {}

  void Write() {
    Header();
    Deadlocks();
    if (options_.tasks) {
      WriteTasks(snapshot_, options_, writer_);
      return writer_.Flush();
    }
    if (options_.greenlets) {
      WriteGreenlets(snapshot_, options_, writer_);
      return writer_.Flush();
    }
    if (snapshot_.exception() != nullptr) CrashException(*snapshot_.exception());
    for (const proto::Thread* thread : SelectThreads(snapshot_, options_)) Thread(*thread);
    Problems();
    writer_.Flush();
  }

 private:
  void Line(std::string_view text) { writer_.Line(text); }

  void Header() {
    const proto::Process& process = snapshot_.header().process();
    const proto::Python& python = process.python();
    Line(absl::StrCat(style_(Color::kHeading, absl::StrCat(ProgramName(process), ", pid ", process.pid())), ", Python ",
                      Harmless(python.version()), python.debug() ? " (debug build)" : "",
                      python.free_threaded() ? " (free-threaded)" : "",
                      process.hostname().empty() ? "" : absl::StrCat(", on ", Harmless(process.hostname()))));
    if (process.argv_size() > 0) {
      Line(
          absl::StrCat("  command   ", absl::StrJoin(process.argv(), " ", [](std::string* out, const std::string& arg) {
                         absl::StrAppend(out, arg.empty() ? "''" : Harmless(arg));
                       })));
    }
    if (!process.cwd().empty()) Line(absl::StrCat("  directory ", Harmless(process.cwd())));
    std::string taken = absl::StrCat("  taken     ", TimeText(snapshot_.header().time_ns()), ", ",
                                     ReasonText(snapshot_.header().reason()));
    if (snapshot_.trailer().pause_ns() > 0) {
      char pause[48];
      snprintf(pause, sizeof(pause), ", paused for %.1f ms", static_cast<double>(snapshot_.trailer().pause_ns()) / 1e6);
      taken += pause;
    }
    Line(taken);
    std::string holds =
        absl::StrCat("  holds     ", snapshot_.threads().size(), " thread", snapshot_.threads().size() == 1 ? "" : "s",
                     ", ", snapshot_.object_count(), " objects");
    if (const size_t tasks = snapshot_.tasks().size(); tasks > 0) {
      absl::StrAppend(&holds, ", ", tasks, " task", tasks == 1 ? "" : "s", options_.tasks ? "" : " (see --tasks)");
    }
    if (const size_t greenlets = snapshot_.greenlets().size(); greenlets > 0) {
      absl::StrAppend(&holds, ", ", greenlets, " greenlet", greenlets == 1 ? "" : "s",
                      options_.greenlets ? "" : " (see --greenlets)");
    }
    if (!snapshot_.complete()) {
      holds += "; " + style_(Color::kWarning, "incomplete");
      if (!snapshot_.damage().empty()) holds += ": " + style_(Color::kWarning, snapshot_.damage());
    }
    if (!snapshot_.problems().empty()) {
      holds +=
          "; " + style_(Color::kWarning, absl::StrCat(snapshot_.problems().size(), " problem",
                                                      snapshot_.problems().size() == 1 ? "" : "s", ", see the end"));
    }
    Line(holds);
  }

  void Deadlocks() {
    for (const Deadlock& deadlock : waits_.deadlocks()) {
      Line("");
      if (deadlock.loop != 0) {
        IdleTasks(deadlock);
        continue;
      }
      Line(style_(Color::kException, deadlock.threads.size() + deadlock.tasks.size() == 1
                                         ? "Deadlock"
                                         : "Deadlock: they wait for each other"));
      for (const size_t thread : deadlock.threads) {
        const proto::Thread& each = *snapshot_.threads()[thread];
        Line(absl::StrCat("  ", Title(each), " waits for ", waits_.Describe(*waits_.of(thread), options_.max_repr)));
      }
      for (const size_t task : deadlock.tasks) {
        Line(absl::StrCat("  task ", Harmless(snapshot_.string(snapshot_.tasks()[task]->name())), " waits for"));
      }
      if (!deadlock.tasks.empty()) {
        Line(absl::StrCat("  task ", Harmless(snapshot_.string(snapshot_.tasks()[deadlock.tasks.front()]->name()))));
      }
    }
  }

  void IdleTasks(const Deadlock& deadlock) {
    Line(absl::StrCat(style_(Color::kException, "Deadlock: nothing in the process can wake the tasks of its loop"), " ",
                      writer_.ValueText(deadlock.loop)));
    for (size_t i = 0; i < std::min(deadlock.tasks.size(), kMaxIdleTasks); ++i) {
      const TaskView& task = waits_.tasks()[deadlock.tasks[i]];
      const std::optional<TaskWait> wait = WaitOf(snapshot_, task);
      const std::string text =
          wait.has_value() ? DescribeWait(snapshot_, waits_.tasks(), deadlock.tasks[i], *wait, options_.max_repr)
                           : "what is not known";
      Line(absl::StrCat("  task ", Harmless(task.name), " waits for ", text));
    }
    if (deadlock.tasks.size() > kMaxIdleTasks) {
      Line(absl::StrCat("  and ", deadlock.tasks.size() - kMaxIdleTasks, " more tasks (see --tasks)"));
    }
  }

  std::string Title(const proto::Thread& thread) {
    const std::string_view name = snapshot_.string(thread.name());
    std::string title = thread.native_id() != 0 ? absl::StrCat("Thread ", thread.native_id()) : "Thread";
    if (!name.empty()) absl::StrAppend(&title, " \"", Str(name), "\"");
    return style_(Color::kHeading, title);
  }

  void Problems() {
    if (snapshot_.problems().empty()) return;
    Line("");
    Line(style_(Color::kHeading, "Problems"));
    for (const proto::Problem* problem : snapshot_.problems()) {
      Line(absl::StrCat("  ", style_(Color::kWarning, problem->where()), ": ", Harmless(problem->reason())));
    }
  }

  void CrashException(const proto::CrashException& crash) {
    Line("");
    Line(style_(Color::kHeading, crash.native_id() == 0 ? std::string("Exception")
                                                        : absl::StrCat("Exception in thread ", crash.native_id())));
    writer_.ExceptionChain(crash.object(), "", {});
  }

  void Thread(const proto::Thread& thread) {
    Line("");
    std::vector<std::string> facts;
    if (thread.is_main()) facts.push_back("main thread");
    if (thread.holds_gil()) facts.push_back("holds the GIL");
    if (thread.interpreter() < 0) facts.push_back("not a Python thread");
    if (thread.interpreter() > 0) facts.push_back(absl::StrCat("interpreter ", thread.interpreter()));
    if (!thread.stopped()) facts.push_back("was not stopped");
    if (IsDaemon(snapshot_, thread).value_or(false)) facts.push_back("daemon");
    std::string title = Title(thread);
    if (!facts.empty()) absl::StrAppend(&title, " (", absl::StrJoin(facts, ", "), ")");
    Line(title);
    if (const auto& wait = waits_.of(thread)) {
      Line(absl::StrCat("  ", style_(Color::kDim, "waits for "), waits_.Describe(*wait, options_.max_repr)));
    }
    writer_.ExplainAgain();
    const std::vector<FrameView> frames = MergedFrames(snapshot_, thread);
    if (frames.empty() && !thread.has_truncated()) Line("  no Python frames");
    if (thread.has_truncated()) {
      Line(absl::StrCat(
          "  ", style_(Color::kWarning, absl::StrCat("older frames are missing: ", AbsentText(thread.truncated())))));
    }
    const bool apart = thread.native_frame_size() > 0 && !thread.native_merged();
    if (!apart) NativeTruncated(thread);
    if (!frames.empty()) Line("  Stack (most recent call last):");
    absl::flat_hash_set<uint64_t> on_stack;
    for (const FrameView& view : frames) {
      if (view.frame != nullptr) on_stack.insert(view.frame->address());
    }
    writer_.Frames(frames, "  ", {});
    if (apart) {
      Line("  Native stack, not matched with the Python frames (most recent call last):");
      NativeTruncated(thread);
      writer_.Frames(NativeFrames(snapshot_, thread), "  ", {});
    }
    Handled(thread.raised(), "Raising", on_stack);
    if (thread.handling() != thread.raised()) Handled(thread.handling(), "Handling", on_stack);
  }

  void NativeTruncated(const proto::Thread& thread) {
    if (!thread.has_native_truncated()) return;
    Line(absl::StrCat("  ", style_(Color::kWarning, absl::StrCat("older native frames are missing: ",
                                                                 AbsentText(thread.native_truncated())))));
  }

  // An exception that a thread is about. Frames of its traceback that stand on the stack too have been shown.
  void Handled(uint32_t exception, std::string_view what, const absl::flat_hash_set<uint64_t>& on_stack) {
    const proto::Object* object = snapshot_.object(exception);
    if (object == nullptr || object->has_singleton()) return;
    if (snapshot_.exception() != nullptr && snapshot_.exception()->object() == exception) {
      return Line(absl::StrCat("  ", Str(what), " ", style_(Color::kDim, "the exception above")));
    }
    Line(absl::StrCat("  ", Str(what), ":"));
    writer_.ExceptionChain(exception, "    ", on_stack);
  }

  const LoadedSnapshot& snapshot_;
  const ShowOptions& options_;
  const Style style_;
  const Waits waits_;
  TextWriter writer_;
};

}  // namespace

void WriteTextView(const LoadedSnapshot& snapshot, const ShowOptions& options, const TextSink& sink) {
  View(snapshot, options, sink).Write();
}

std::string PeekLine(const LoadedSnapshot& snapshot) {
  const proto::Process& process = snapshot.header().process();
  std::string line =
      absl::StrCat(TimeText(snapshot.header().time_ns()), ", ", ProgramName(process), ", pid ", process.pid(),
                   ", Python ", process.python().version(), ", ", ReasonText(snapshot.header().reason()), ", ",
                   snapshot.threads().size(), " thread", snapshot.threads().size() == 1 ? "" : "s");
  if (snapshot.exception() != nullptr) {
    constexpr size_t kMaxMessage = 80;
    absl::StrAppend(&line, ", ", ExceptionLines(snapshot, snapshot.exception()->object(), kMaxMessage).front());
  }
  if (!snapshot.problems().empty()) {
    absl::StrAppend(&line, ", ", snapshot.problems().size(), " problem", snapshot.problems().size() == 1 ? "" : "s");
  }
  absl::StrAppend(&line, snapshot.complete() ? ", complete" : ", incomplete");
  return Harmless(line);
}

}  // namespace pysnap::format
