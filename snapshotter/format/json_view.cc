#include "snapshotter/format/json_view.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "snapshotter/format/context_view.h"
#include "snapshotter/format/exception_view.h"
#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/greenlet_view.h"
#include "snapshotter/format/loop_view.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/socket_names.h"
#include "snapshotter/format/task_view.h"
#include "snapshotter/format/task_wait.h"
#include "snapshotter/format/utf8.h"
#include "snapshotter/format/wait_view.h"
#include "snapshotter/format/waited_file_view.h"

namespace pysnap::format {
namespace {

using Json = nlohmann::ordered_json;

// JSON nests where exceptions are chained, and its readers recurse: deeper, a chain is cut with a note.
constexpr int kMaxExceptionDepth = 200;
// The same of context managers that are made of generators, which use others.
constexpr int kMaxContextDepth = 20;

// Adds a member without looking for one of the same name, which ordered_json does one by one.
void Put(Json& object, std::string_view key, Json value) {
  object.get_ref<Json::object_t&>().emplace_back(ValidUtf8(key), std::move(value));
}

Json Text(std::string_view text) { return ValidUtf8(text); }

Json TextOrNull(std::string_view text) { return text.empty() ? Json(nullptr) : Text(text); }

template <typename T>
Json NumberOrNull(bool present, T value) {
  return present ? Json(value) : Json(nullptr);
}

Json GeneratorState(proto::Generator::State state) {
  switch (state) {
    case proto::Generator::CREATED:
      return "created";
    case proto::Generator::SUSPENDED:
      return "suspended";
    case proto::Generator::RUNNING:
      return "running";
    case proto::Generator::CLOSED:
      return "closed";
    default:
      return nullptr;
  }
}

class Builder {
 public:
  Builder(const LoadedSnapshot& snapshot, const ShowOptions& options)
      : snapshot_(snapshot), options_(options), waits_(snapshot) {}

  Json Build() {
    Json out = Json::object();
    Put(out, "format", snapshot_.header().format());
    Put(out, "reason", Reason());
    Put(out, "process", Process());
    Json threads = Json::array();
    for (const proto::Thread* thread : SelectThreads(snapshot_, options_)) threads.push_back(Thread(*thread));
    Json exception = nullptr;
    if (snapshot_.exception() != nullptr) exception = Exception(snapshot_.exception()->object());
    Put(out, "capture", Capture());  // after the rest, which may find problems
    Put(out, "threads", std::move(threads));
    Put(out, "exception", std::move(exception));
    Put(out, "tasks", Tasks());
    Put(out, "loops", Loops());
    Put(out, "deadlocks", Deadlocks());
    Put(out, "greenlets", Greenlets());
    Put(out, "signals", Signals());
    return out;
  }

 private:
  Json Reason() {
    const proto::Reason& reason = snapshot_.header().reason();
    Json out = Json::object();
    Put(out, "kind", ReasonName(reason.kind()));
    Put(out, "signal", reason.has_signal() ? Text(SignalName(reason.signal())) : Json(nullptr));
    Put(out, "exit_code", NumberOrNull(reason.has_exit_code(), reason.exit_code()));
    Put(out, "fault_address", reason.has_fault_address() ? Json(AddressText(reason.fault_address())) : Json(nullptr));
    Put(out, "native_id", NumberOrNull(reason.has_native_id(), reason.native_id()));
    return out;
  }

  Json Process() {
    const proto::Process& process = snapshot_.header().process();
    Json out = Json::object();
    Put(out, "pid", NumberOrNull(process.pid() != 0, process.pid()));
    Json argv = Json::array();
    for (const std::string& arg : process.argv()) argv.push_back(Text(arg));
    Put(out, "argv", std::move(argv));
    Put(out, "executable", TextOrNull(process.executable()));
    Put(out, "cwd", TextOrNull(process.cwd()));
    Put(out, "python", TextOrNull(process.python().version()));
    Json build = Json::array();
    if (process.python().debug()) build.push_back("debug");
    if (process.python().free_threaded()) build.push_back("free-threaded");
    Put(out, "build", std::move(build));
    Put(out, "hostname", TextOrNull(process.hostname()));
    return out;
  }

  Json Capture() {
    const proto::Trailer& trailer = snapshot_.trailer();
    const bool has_trailer = trailer.ByteSizeLong() != 0;
    Json out = Json::object();
    Put(out, "time",
        absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixNanos(snapshot_.header().time_ns()),
                         absl::UTCTimeZone()));
    Put(out, "pause_ms", NumberOrNull(has_trailer, static_cast<double>(trailer.pause_ns()) / 1e6));
    Put(out, "total_ms", NumberOrNull(has_trailer, static_cast<double>(trailer.total_ns()) / 1e6));
    Put(out, "objects", snapshot_.object_count());
    Put(out, "complete", snapshot_.complete());
    Json problems = Json::array();
    const auto add = [&](std::string_view where, std::string_view reason) {
      Json problem = Json::object();
      Put(problem, "where", Text(where));
      Put(problem, "reason", Text(reason));
      problems.push_back(std::move(problem));
    };
    for (const proto::Problem* problem : snapshot_.problems()) add(problem->where(), problem->reason());
    if (!snapshot_.damage().empty()) add("snapshot file", snapshot_.damage());
    if (cut_chain_) add("show", absl::StrCat("a chain of more than ", kMaxExceptionDepth, " exceptions was cut"));
    Put(out, "problems", std::move(problems));
    return out;
  }

  Json Thread(const proto::Thread& thread) {
    Json out = Json::object();
    Put(out, "native_id", NumberOrNull(thread.native_id() != 0, thread.native_id()));
    Put(out, "ident", NumberOrNull(thread.ident() != 0, thread.ident()));
    Put(out, "name", TextOrNull(snapshot_.string(thread.name())));
    Put(out, "is_main", thread.is_main());
    Put(out, "holds_gil", thread.holds_gil());
    Put(out, "interpreter", NumberOrNull(thread.interpreter() >= 0, thread.interpreter()));
    Put(out, "frames", Frames(MergedFrames(snapshot_, thread), 0));
    // Those that could not be merged.
    const bool apart = thread.native_frame_size() > 0 && !thread.native_merged();
    Put(out, "native_frames", apart ? Frames(NativeFrames(snapshot_, thread), 0) : Json(nullptr));
    Put(out, "native_truncated",
        thread.has_native_truncated() ? Text(AbsentText(thread.native_truncated())) : Json(nullptr));
    const std::optional<bool> daemon = IsDaemon(snapshot_, thread);
    Put(out, "daemon", daemon.has_value() ? Json(*daemon) : Json(nullptr));
    const uint32_t target = TargetOf(snapshot_, thread);
    Put(out, "target", target != 0 ? Value(target, false) : Json(nullptr));
    Put(out, "waits_for", Wait(thread));
    Put(out, "handling", Exception(thread.handling()));
    Put(out, "raising", Exception(thread.raised()));
    Put(out, "stopped", thread.stopped());
    Put(out, "truncated", thread.has_truncated() ? Text(AbsentText(thread.truncated())) : Json(nullptr));
    return out;
  }

  Json Loops() {
    const auto handles = [this](const std::vector<HandleView>& views) {
      Json out = Json::array();
      for (const HandleView& view : views) {
        Json handle = Json::object();
        Put(handle, "callback", view.callback != 0 ? Value(view.callback, true) : Json(nullptr));
        Json arguments = Json::array();
        for (const uint32_t argument : view.arguments) arguments.push_back(Value(argument, true));
        Put(handle, "args", std::move(arguments));
        Put(handle, "when", view.when.has_value() ? Json(*view.when) : Json(nullptr));
        Put(handle, "is_cancelled", view.is_cancelled);
        out.push_back(std::move(handle));
      }
      return out;
    };
    Json all = Json::array();
    for (const LoopView& view : ViewLoops(snapshot_)) {
      Json out = Json::object();
      Put(out, "loop", Value(view.object, false));
      Put(out, "native_id", NumberOrNull(view.native_id != 0, view.native_id));
      Put(out, "ready", view.unknown.empty() ? handles(view.ready) : Json(nullptr));
      Put(out, "scheduled", view.unknown.empty() ? handles(view.scheduled) : Json(nullptr));
      Put(out, "absent", view.unknown.empty() ? Json(nullptr) : Text(view.unknown));
      all.push_back(std::move(out));
    }
    return all;
  }

  Json Deadlocks() {
    Json all = Json::array();
    for (const Deadlock& deadlock : waits_.deadlocks()) {
      Json threads = Json::array();
      for (const size_t thread : deadlock.threads) threads.push_back(snapshot_.threads()[thread]->native_id());
      Json tasks = Json::array();
      for (const size_t task : deadlock.tasks) tasks.push_back(AddressText(snapshot_.tasks()[task]->address()));
      Json out = Json::object();
      Put(out, "threads", std::move(threads));
      Put(out, "tasks", std::move(tasks));
      Put(out, "loop", deadlock.loop != 0 ? Value(deadlock.loop, false) : Json(nullptr));
      all.push_back(std::move(out));
    }
    return all;
  }

  Json Wait(const proto::Thread& thread) {
    const std::optional<WaitView>& wait = waits_.of(thread);
    if (!wait.has_value()) return nullptr;
    Json out = Json::object();
    Put(out, "kind", wait->kind);
    Put(out, "object", wait->object != 0 ? Value(wait->object, true) : Json(nullptr));
    Put(out, "owner", wait->owner.has_value() ? Json(snapshot_.threads()[*wait->owner]->native_id()) : Json(nullptr));
    Put(out, "owner_has_ended", wait->owner_has_ended);
    Put(out, "fds", wait->fds);
    Put(out, "files", WaitedFiles(thread.wait()));
    Put(out, "has_timeout", wait->has_timeout);
    Put(out, "system_call", TextOrNull(wait->system_call));
    return out;
  }

  Json WaitedFiles(const proto::Wait& wait) {
    const auto text = [&](uint32_t id) { return TextOrNull(snapshot_.string(id)); };
    const auto name = [](const char* known, int32_t number) { return known != nullptr ? Json(known) : Json(number); };
    const auto absent = [](bool is_absent, const proto::Absent& why) {
      return is_absent ? Text(AbsentText(why)) : Json(nullptr);
    };
    Json files = Json::array();
    for (const proto::WaitedFile& file : wait.file()) {
      Json out = Json::object();
      Put(out, "fd", file.fd());
      Put(out, "kind", KindName(file) != nullptr ? Json(KindName(file)) : Json(nullptr));
      Put(out, "epoll", NumberOrNull(file.has_epoll(), file.epoll()));
      Put(out, "events", file.has_epoll() ? Json(EventNames(file)) : Json(nullptr));
      Put(out, "path", text(file.path()));
      Put(out, "deleted", file.deleted());
      Json socket = nullptr;
      if (file.kind() == proto::WaitedFile::SOCKET && file.type() != 0) {
        socket = Json::object();
        Put(socket, "family", name(SocketFamilyName(file.family()), file.family()));
        Put(socket, "type", name(SocketTypeName(file.type()), file.type()));
        Put(socket, "protocol", file.protocol());
        Put(socket, "listening", file.listening());
        Put(socket, "address", text(file.address()));
        Put(socket, "peer", text(file.peer()));
      }
      Put(out, "socket", std::move(socket));
      Json process = nullptr;
      if (file.has_process()) {
        const proto::WaitedProcess& facts = file.process();
        process = {{"pid", NumberOrNull(facts.pid() != 0, facts.pid())},
                   {"program", text(facts.program())},
                   {"ended", facts.ended()}};
      }
      Put(out, "process", std::move(process));
      Json ends = Json::array();
      for (const proto::PipeEnd& end : file.other_end()) {
        ends.push_back({{"pid", end.pid()}, {"fd", end.fd()}, {"program", text(end.program())}});
      }
      Put(out, "other_ends", file.kind() == proto::WaitedFile::PIPE ? std::move(ends) : Json(nullptr));
      Put(out, "other_ends_absent", absent(file.has_other_ends_absent(), file.other_ends_absent()));
      Put(out, "absent", absent(file.has_absent(), file.absent()));
      files.push_back(std::move(out));
    }
    return files;
  }

  Json Tasks() {
    const std::vector<TaskView>& tasks = waits_.tasks();
    const auto ids = [&](const std::vector<size_t>& places) {
      Json out = Json::array();
      for (const size_t place : places) out.push_back(AddressText(tasks[place].task->address()));
      return out;
    };
    Json all = Json::array();
    for (const TaskView& task : tasks) {
      Json out = Json::object();
      Put(out, "id", AddressText(task.task->address()));
      Put(out, "name", TextOrNull(task.name));
      Put(out, "coroutine", TextOrNull(task.coroutine));
      Put(out, "state", task.state != nullptr ? Json(task.state) : Json(nullptr));
      Put(out, "frames", Frames(task.frames, task.leaf));
      Put(out, "awaits", ids(task.awaits));
      Put(out, "awaited_by", ids(task.awaited_by));
      Put(out, "native_id", NumberOrNull(task.task->native_id() != 0, task.task->native_id()));
      Put(out, "interpreter", task.task->interpreter());
      Put(out, "loop", task.task->loop() != 0 ? Value(task.task->loop(), false) : Json(nullptr));
      Put(out, "result", task.result != 0 ? Value(task.result, true) : Json(nullptr));
      Put(out, "exception", Exception(task.exception));
      Put(out, "library", task.library);
      Put(out, "role", task.role != nullptr ? Json(task.role) : Json(nullptr));
      Put(out, "waits_on", task.task->waiter() != 0 ? Value(task.task->waiter(), false) : Json(nullptr));
      Put(out, "waits_for", TaskWaits(task));
      Put(out, "parent", AddressOrNull(task.task->parent()));
      Put(out, "parent_scope", AddressOrNull(task.task->parent_scope()));
      Put(out, "children", ids(task.children));
      Json scopes = Json::array();
      for (const ScopeView& scope : task.scopes) scopes.push_back(Scope(task, scope, ids(scope.children)));
      Put(out, "scopes", std::move(scopes));
      const bool absent = task.task->has_scopes_absent();
      Put(out, "scopes_absent", absent ? Text(AbsentText(task.task->scopes_absent())) : Json(nullptr));
      all.push_back(std::move(out));
    }
    return all;
  }

  Json TaskWaits(const TaskView& task) {
    const std::optional<TaskWait> wait = WaitOf(snapshot_, task);
    if (!wait.has_value()) return nullptr;
    Json out = Json::object();
    Put(out, "kind", wait->kind);
    Put(out, "object", wait->object != 0 ? Value(wait->object, false) : Json(nullptr));
    return out;
  }

  // Of the signals that are caught; null where it is not known which these are.
  Json Signals() {
    const proto::ProcessState* state = snapshot_.process_state();
    if (state == nullptr || state->has_signals_absent()) return nullptr;
    Json all = Json::array();
    for (const proto::SignalHandler& each : state->signal_handler()) {
      Json out = Json::object();
      Put(out, "signal", Text(SignalName(each.signal())));
      Put(out, "handler", each.handler() != 0 ? Value(each.handler(), false) : Json(nullptr));
      all.push_back(std::move(out));
    }
    return all;
  }

  static Json AddressOrNull(uint64_t address) { return address != 0 ? Json(AddressText(address)) : Json(nullptr); }

  Json Scope(const TaskView& task, const ScopeView& view, Json children) {
    const proto::CancelScope& scope = *view.scope;
    Json out = Json::object();
    Put(out, "id", AddressText(scope.address()));
    Put(out, "kind", view.kind);
    const uint32_t object = scope.nursery() != 0 ? scope.nursery() : scope.object();
    Put(out, "object", object != 0 ? Value(object, false) : Json(nullptr));
    Put(out, "varname", TextOrNull(view.target));
    Put(out, "line", NumberOrNull(view.line != 0, view.line));
    Put(out, "frame", NumberOrNull(view.frame.has_value(), view.frame.value_or(0)));
    Put(out, "function", view.frame.has_value() ? TextOrNull(task.frames[*view.frame].qualname) : Json(nullptr));
    // JSON has no infinity.
    const bool has_deadline = scope.has_deadline() && std::isfinite(scope.deadline());
    Put(out, "has_deadline", scope.has_deadline() ? Json(has_deadline) : Json(nullptr));
    Put(out, "deadline", has_deadline ? Json(scope.deadline()) : Json(nullptr));
    Put(out, "cancelled", scope.has_cancelled() ? Json(scope.cancelled()) : Json(nullptr));
    Put(out, "shield", scope.has_shield() ? Json(scope.shield()) : Json(nullptr));
    Put(out, "children", std::move(children));
    return out;
  }

  Json Greenlets() {
    const auto absent = [](bool set, const proto::Absent& why) { return set ? Text(AbsentText(why)) : Json(nullptr); };
    Json all = Json::array();
    for (const GreenletView& view : ViewGreenlets(snapshot_)) {
      const proto::Greenlet& greenlet = *view.greenlet;
      Json out = Json::object();
      Put(out, "id", AddressText(greenlet.address()));
      Put(out, "object", greenlet.object() != 0 ? Value(greenlet.object(), true) : Json(nullptr));
      Put(out, "state", view.state != nullptr ? Json(view.state) : Json(nullptr));
      Put(out, "is_main", greenlet.is_main());
      Put(out, "parent", AddressOrNull(greenlet.parent()));
      Put(out, "main", AddressOrNull(greenlet.main()));
      Put(out, "native_id", NumberOrNull(greenlet.native_id() != 0, greenlet.native_id()));
      Put(out, "interpreter", greenlet.interpreter());
      Put(out, "thread_ended", greenlet.thread_ended());
      Put(out, "frames", Frames(view.frames, 0));
      Put(out, "run", greenlet.run() != 0 ? Value(greenlet.run(), true) : Json(nullptr));
      Put(out, "handling", Exception(greenlet.handling()));
      Put(out, "truncated", absent(greenlet.has_truncated(), greenlet.truncated()));
      Put(out, "absent", absent(greenlet.has_absent(), greenlet.absent()));
      all.push_back(std::move(out));
    }
    return all;
  }

  Json Frames(const std::vector<FrameView>& views, uint32_t leaf) {
    Json out = Json::array();
    for (const FrameView& view : views) {
      const bool last = &view == &views.back();
      out.push_back(Frame(view, last ? leaf : 0));
    }
    return out;
  }

  Json Frame(const FrameView& view, uint32_t leaf) {
    Json out = Json::object();
    Put(out, "kind", view.native != nullptr ? "native" : "python");
    Put(out, "function", TextOrNull(view.function));
    Put(out, "qualname", TextOrNull(view.qualname));
    Put(out, "module", view.module.has_value() ? Text(*view.module) : Json(nullptr));
    Put(out, "file", TextOrNull(view.file));
    Put(out, "line", NumberOrNull(view.line != 0, view.line));
    Put(out, "end_line", NumberOrNull(view.end_line != 0, view.end_line));
    Put(out, "column", NumberOrNull(view.column.has_value(), view.column.value_or(0)));
    Put(out, "end_column", NumberOrNull(view.end_column.has_value(), view.end_column.value_or(0)));
    Put(out, "lasti", NumberOrNull(view.frame != nullptr, view.lasti));
    // The sources of native code are not captured, and a Python file may have the name of one.
    const auto source = view.native == nullptr ? snapshot_.SourceLine(view.file, view.line) : std::nullopt;
    Put(out, "source", source.has_value() ? Text(*source) : Json(nullptr));
    Json locals = Json::object();
    if (options_.locals && view.frame != nullptr) {
      for (const NamedValue& local : LocalsOf(snapshot_, *view.frame)) {
        Put(locals, local.name, Value(local.id, true));
      }
    }
    Put(out, "locals", std::move(locals));
    const bool tells_contexts = view.frame != nullptr && !view.frame->has_context_absent();
    Put(out, "contexts", tells_contexts ? Contexts(ContextsOf(snapshot_, *view.frame)) : Json(nullptr));
    Put(out, "leaf", leaf != 0 ? Value(leaf, true) : Json(nullptr));
    if (view.frame != nullptr && view.frame->has_absent()) {
      Put(out, "absent", Text(AbsentText(view.frame->absent())));
    }
    if (view.native != nullptr) NativeFacts(*view.native, out);
    return out;
  }

  // What is within contexts is nested: frames, and contexts of frames. Bounded by kMaxContextDepth.
  Json Contexts(const std::vector<ContextView>& contexts) {
    Json out = Json::array();
    if (context_depth_ >= kMaxContextDepth) return out;
    if (context_depth_ == 0) opened_.clear();
    ++context_depth_;
    for (const ContextView& view : contexts) {
      Json context = Json::object();
      Put(context, "varname", TextOrNull(view.target));
      Put(context, "line", NumberOrNull(view.line != 0, view.line));
      Put(context, "is_async", view.is_async);
      Put(context, "is_exiting", view.is_exiting);
      Put(context, "is_entering", view.is_entering);
      Put(context, "object", Value(view.object, true));
      Put(context, "description", TextOrNull(view.description));
      // Once for each frame: managers may be within each other, and a file may say that many are within many.
      const bool first = opened_.insert(view.object).second;
      Put(context, "inner_frames", first ? Frames(InnerFrames(snapshot_, view.object), 0) : Json::array());
      Put(context, "children", first ? Contexts(EntriesOf(snapshot_, view.object, view.target)) : Json::array());
      out.push_back(std::move(context));
    }
    --context_depth_;
    return out;
  }

  void NativeFacts(const proto::NativeFrame& native, Json& out) {
    Put(out, "library", TextOrNull(snapshot_.string(native.module())));
    Put(out, "library_offset", native.module() != 0 ? Json(AddressText(native.module_address())) : Json(nullptr));
    Put(out, "build_id", TextOrNull(snapshot_.string(native.build_id())));
    Put(out, "address", AddressText(native.pc()));
    Put(out, "inlined", native.inlined());
    Put(out, "signal_trampoline", native.signal_trampoline());
    Put(out, "omitted", native.omitted());
  }

  Json Value(uint32_t id, bool with_attributes) {
    Json out = Json::object();
    const proto::Object* object = snapshot_.object(id);
    const ReprText repr = Repr(snapshot_, id, {.max_characters = options_.max_repr});
    if (object == nullptr) {
      Put(out, "type", nullptr);
      Put(out, "repr", Text(repr.text));
      Put(out, "id", nullptr);
      Put(out, "length", nullptr);
      Put(out, "truncated", false);
      Put(out, "absent", "missing from the snapshot");
      Put(out, "attributes", nullptr);
      return out;
    }
    Put(out, "type", TextOrNull(TypeNameOf(snapshot_, *object)));
    Put(out, "repr", Text(repr.text));
    Put(out, "id", object->address() != 0 ? Json(AddressText(object->address())) : Json(nullptr));
    const auto length = LengthOf(*object);
    Put(out, "length", NumberOrNull(length.has_value(), length.value_or(0)));
    Put(out, "truncated", repr.truncated);
    Put(out, "absent", object->has_absent() ? Text(AbsentText(object->absent())) : Json(nullptr));
    Put(out, "attributes", with_attributes ? Attributes(*object) : Json(nullptr));
    if (object->has_generator() && with_attributes && !inside_generator_) {
      // The frames of a generator that is a local of a suspended frame would nest without end.
      inside_generator_ = true;
      uint32_t leaf = 0;
      // A running one stands in some thread's stack.
      const bool running = object->generator().state() == proto::Generator::RUNNING;
      const auto frames = running ? std::vector<FrameView>() : AwaitChain(snapshot_, id, &leaf);
      Put(out, "frames", Frames(frames, leaf));
      Put(out, "state", GeneratorState(object->generator().state()));
      inside_generator_ = false;
    }
    if (HasHiddenContents(snapshot_, *object)) {
      const ReprText contents = Repr(snapshot_, id, {.max_characters = options_.max_repr, .as_builtin = true});
      Put(out, "contents", Text(contents.text));
    }
    return out;
  }

  Json Attributes(const proto::Object& object) {
    std::vector<NamedValue> attributes = AttributesOf(snapshot_, object);
    if (attributes.empty() && !HasAttributes(snapshot_, object)) return nullptr;
    Json out = Json::object();
    for (const NamedValue& attribute : attributes) Put(out, attribute.name, Value(attribute.id, false));
    return out;
  }

  Json Exception(uint32_t id) {
    if (id == 0) return nullptr;
    absl::flat_hash_set<uint32_t> seen;
    return Exception(id, 0, seen);
  }

  // Recursion is bounded by kMaxExceptionDepth.
  Json Exception(uint32_t id, int depth, absl::flat_hash_set<uint32_t>& seen) {
    const proto::Object* object = snapshot_.object(id);
    if (object == nullptr || (object->has_singleton() && object->singleton() == proto::NONE)) return nullptr;
    const bool repeated = !seen.insert(id).second;
    if (depth >= kMaxExceptionDepth) {
      cut_chain_ = true;
      return nullptr;
    }
    Json out = Json::object();
    Put(out, "type", TextOrNull(TypeNameOf(snapshot_, *object)));
    const auto message = ExceptionMessage(snapshot_, id, options_.max_repr);
    Put(out, "message", message.has_value() ? Text(*message) : Json(nullptr));
    // A chain may lead to one exception more than once, and even back: what is in it is told the first time.
    static const proto::Exception kNothing;
    const proto::Exception& exception = repeated ? kNothing : object->exception();
    Json args = Json::array();
    const proto::Object* tuple = snapshot_.object(exception.args());
    if (tuple != nullptr) {
      for (uint32_t arg : tuple->sequence().item()) args.push_back(Value(arg, true));
    }
    Put(out, "args", std::move(args));
    Json notes = Json::array();
    for (const std::string& note : ExceptionNotes(snapshot_, id, options_.max_repr)) notes.push_back(Text(note));
    Put(out, "notes", std::move(notes));
    Json attributes = Json::object();
    if (!repeated) {
      for (const NamedValue& attribute : AttributesOf(snapshot_, *object)) {
        Put(attributes, attribute.name, Value(attribute.id, false));
      }
    }
    Put(out, "attributes", std::move(attributes));
    Put(out, "frames", Frames(TracebackFrames(snapshot_, exception.traceback()), 0));
    Put(out, "cause", Exception(exception.cause(), depth + 1, seen));
    Put(out, "context", Exception(exception.context(), depth + 1, seen));
    Put(out, "suppress_context", exception.suppress_context());
    Json members = Json::array();
    for (uint32_t member : repeated ? std::vector<uint32_t>() : GroupMembers(snapshot_, id)) {
      Json inner = Exception(member, depth + 1, seen);
      if (!inner.is_null()) members.push_back(std::move(inner));
    }
    Put(out, "exceptions", std::move(members));
    Put(out, "absent", object->has_absent() ? Text(AbsentText(object->absent())) : Json(nullptr));
    Put(out, "id", object->address() != 0 ? Json(AddressText(object->address())) : Json(nullptr));
    Put(out, "repeated", repeated);
    return out;
  }

  const LoadedSnapshot& snapshot_;
  const ShowOptions& options_;
  const Waits waits_;
  bool inside_generator_ = false;
  int context_depth_ = 0;
  absl::flat_hash_set<uint32_t> opened_;  // managers of the present frame whose contents were told
  bool cut_chain_ = false;
};

}  // namespace

Json JsonView(const LoadedSnapshot& snapshot, const ShowOptions& options) { return Builder(snapshot, options).Build(); }

}  // namespace pysnap::format
