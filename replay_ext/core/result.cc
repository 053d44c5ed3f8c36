// What a load gives to Python: plain dicts and lists, of which _load.py makes the Snapshot.
#include "replay_ext/core/loader.h"

namespace pysnap::replay {
namespace {

class Dict {
 public:
  Dict() : dict_(PyDict_New()) {}
  // Takes over `value`; null becomes None.
  Dict& Set(const char* key, PyObject* value) {
    Ref held(value);
    PyErr_Clear();
    if (dict_) PyDict_SetItemString(dict_.get(), key, held ? held.get() : Py_None);
    return *this;
  }
  Dict& Set(const char* key, Ref value) { return Set(key, value.release()); }
  Ref Take() { return std::move(dict_); }

 private:
  Ref dict_;
};

Ref HeaderText(Bytes bytes) {
  PyObject* text = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogateescape");
  return Ref(text);
}

// As the names of code objects are decoded.
Ref PathText(Bytes bytes) {
  PyObject* text = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogatepass");
  if (text != nullptr) return Ref(text);
  PyErr_Clear();
  return Ref(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "backslashreplace"));
}

Ref Int(int64_t value) { return Ref(PyLong_FromLongLong(value)); }
Ref Unsigned(uint64_t value) { return Ref(PyLong_FromUnsignedLongLong(value)); }
Ref Bool(bool value) { return Ref(PyBool_FromLong(value)); }
Ref None() { return Ref::New(Py_None); }

// Reads a message that a hostile file may have broken; what follows it in the file is still good.
template <typename Message, typename Use>
void Each(const std::vector<Bytes>& records, Use use) {
  for (const Bytes bytes : records) {
    try {
      use(Message(bytes));
    } catch (const std::exception&) {
      // Left out.
    }
  }
}

}  // namespace

Ref Loader::HeaderDict() {
  const Header& header = file_.header;
  Ref argv(PyList_New(0));
  for (const Bytes argument : header.argv) {
    Ref text = HeaderText(argument);
    if (argv && text) PyList_Append(argv.get(), text.get());
  }
  Dict dict;
  dict.Set("reason", Int(header.reason))
      .Set("signal", header.has_signal ? Int(header.signal) : None())
      .Set("exit_code", header.has_exit_code ? Int(header.exit_code) : None())
      .Set("fault_address", header.has_fault_address ? Unsigned(header.fault_address) : None())
      .Set("native_id", header.has_native_id ? Int(header.native_id) : None())
      .Set("pysnap_version", HeaderText(header.pysnap_version))
      .Set("time_ns", Int(header.time_ns))
      .Set("pid", Int(header.pid))
      .Set("argv", std::move(argv))
      .Set("executable", HeaderText(header.executable))
      .Set("cwd", HeaderText(header.cwd))
      .Set("hostname", HeaderText(header.hostname))
      .Set("python", HeaderText(header.python.version))
      .Set("major", Int(header.python.major))
      .Set("minor", Int(header.python.minor))
      .Set("debug", Bool(header.python.debug))
      .Set("free_threaded", Bool(header.python.free_threaded));
  return dict.Take();
}

Ref Loader::CaptureDict() {
  Ref problems(PyList_New(0));
  const auto add = [&](Bytes where, Bytes reason) {
    Ref pair(Py_BuildValue("(NN)", HeaderText(where).release(), HeaderText(reason).release()));
    if (problems && pair) PyList_Append(problems.get(), pair.get());
    PyErr_Clear();
  };
  Each<Problem>(file_.problems, [&](const Problem& problem) { add(problem.where, problem.reason); });
  for (const std::string& problem : problems_) add("replay", problem);
  Dict dict;
  dict.Set("complete", Bool(file_.has_trailer && file_.trailer.complete && !file_.cut))
      .Set("cut", Bool(file_.cut || !file_.has_trailer))
      .Set("pause_ns", Int(file_.trailer.pause_ns))
      .Set("total_ns", Int(file_.trailer.total_ns))
      .Set("objects",
           Unsigned(file_.has_trailer && file_.trailer.objects != 0 ? file_.trailer.objects : file_.objects.size() - 1))
      .Set("problems", std::move(problems));
  return dict.Take();
}

Ref Loader::FrameList(size_t index, size_t count) {
  Ref frames(PyList_New(0));
  for (size_t i = 0; i < count; ++i) {
    if (frames) PyList_Append(frames.get(), thread_frames_[index + i].frame.get());
  }
  return frames;
}

Ref Loader::ThreadDict(const Thread& thread, size_t index) {
  Dict dict;
  dict.Set("native_id", Int(thread.native_id))
      .Set("ident", Unsigned(thread.ident))
      .Set("name", Ref::New(Name(thread.name)))
      .Set("is_main", Bool(thread.is_main))
      .Set("holds_gil", Bool(thread.holds_gil))
      .Set("interpreter", thread.interpreter >= 0 ? Int(thread.interpreter) : None())
      .Set("stopped", Bool(thread.stopped))
      .Set("waits", Bool(thread.waits))
      .Set("wants_gil", Bool(thread.wants_gil))
      .Set("handling", ObjectOrNone(thread.handling))
      .Set("raised", ObjectOrNone(thread.raised))
      .Set("truncated", AbsentOrNone(thread.truncated))
      .Set("frames", FrameList(index, thread.frames.size()));
  return dict.Take();
}

Ref Loader::ObjectOrNone(uint32_t id) { return id != 0 ? Ref(NewGet(id)) : None(); }

Ref Loader::AbsentOrNone(const Absent& why) { return why.set ? Ref(NewAbsent(why, 0)) : None(); }

Ref Loader::GreenletDict(const Greenlet& greenlet, size_t index) {
  Dict dict;
  dict.Set("address", Unsigned(greenlet.address))
      .Set("object", ObjectOrNone(greenlet.object))
      .Set("state", Int(greenlet.state))
      .Set("is_main", Bool(greenlet.is_main))
      .Set("parent", Unsigned(greenlet.parent))
      .Set("main", Unsigned(greenlet.main))
      .Set("native_id", greenlet.native_id != 0 ? Int(greenlet.native_id) : None())
      .Set("interpreter", Int(greenlet.interpreter))
      .Set("run", ObjectOrNone(greenlet.run))
      .Set("handling", ObjectOrNone(greenlet.handling))
      .Set("thread_ended", Bool(greenlet.thread_ended))
      .Set("truncated", AbsentOrNone(greenlet.truncated))
      .Set("absent", AbsentOrNone(greenlet.absent))
      .Set("frames", FrameList(index, greenlet.frames.size()));
  return dict.Take();
}

Ref Loader::TaskDict(const Task& task) {
  Ref awaited_by(PyList_New(0));
  for (const uint64_t waiter : task.awaited_by) {
    Ref address = Unsigned(waiter);
    if (awaited_by && address) PyList_Append(awaited_by.get(), address.get());
  }
  Ref scopes(PyList_New(0));
  for (const CancelScope& scope : task.scopes) {
    const auto flag = [](const std::optional<bool>& value) { return value.has_value() ? Bool(*value) : None(); };
    Dict facts;
    facts.Set("address", Unsigned(scope.address))
        .Set("object", ObjectOrNone(scope.object))
        .Set("nursery", ObjectOrNone(scope.nursery))
        .Set("deadline", scope.deadline.has_value() ? Ref(PyFloat_FromDouble(*scope.deadline)) : None())
        .Set("cancelled", flag(scope.cancelled))
        .Set("shield", flag(scope.shield));
    Ref taken = facts.Take();
    if (scopes && taken) PyList_Append(scopes.get(), taken.get());
  }
  Dict dict;
  dict.Set("address", Unsigned(task.address))
      .Set("library", Int(task.library))
      .Set("role", Int(task.role))
      .Set("parent", Unsigned(task.parent))
      .Set("parent_scope", Unsigned(task.parent_scope))
      .Set("scopes", std::move(scopes))
      .Set("scopes_absent", AbsentOrNone(task.scopes_absent))
      .Set("object", ObjectOrNone(task.object))
      .Set("name", Ref::New(Name(task.name)))
      .Set("state", Int(task.state))
      .Set("coroutine", ObjectOrNone(task.coroutine))
      .Set("waiter", ObjectOrNone(task.waiter))
      .Set("loop", ObjectOrNone(task.loop))
      .Set("native_id", task.native_id != 0 ? Int(task.native_id) : None())
      .Set("interpreter", Int(task.interpreter))
      .Set("awaited_by", std::move(awaited_by));
  return dict.Take();
}

// (frame, [(manager, target, line, is_async, is_exiting, is_entering), …]) of each frame that is inside of any.
Ref Loader::ContextList() {
  Ref frames(PyList_New(0));
  for (const auto& [frame, contexts] : contexts_) {
    Ref list(PyList_New(0));
    for (const Context& context : contexts) {
      Ref manager(context.manager != 0 ? NewGet(context.manager) : nullptr);
      if (!manager) manager = None();
      Ref target = context.target != 0 ? Ref::New(Name(context.target)) : None();
      Ref tuple(Py_BuildValue("(OOIOOO)", manager.get(), target.get(), context.line,
                              context.is_async ? Py_True : Py_False, context.is_exiting ? Py_True : Py_False,
                              context.is_entering ? Py_True : Py_False));
      if (list && tuple) PyList_Append(list.get(), tuple.get());
    }
    Ref pair(list ? PyTuple_Pack(2, frame.get(), list.get()) : nullptr);
    if (frames && pair) PyList_Append(frames.get(), pair.get());
  }
  return frames;
}

// Whether an object has nothing but its identity: object(), or an instance without attributes.
bool Loader::IsBare(uint32_t id) {
  PyTypeObject* type = Py_TYPE(made_[id]);
  if (type == &PyBaseObject_Type) return true;
  if (!IsRebuilt(type) || type->tp_base != &PyBaseObject_Type) return false;
  try {
    Object object;
    object.Decode(file_.objects[id]);
    if (object.kind != ValueKind::kNone || object.absent.set || !object.attributes.empty()) return false;
    return object.dict == 0 || (PyDict_Check(Get(object.dict)) && PyDict_Size(Get(object.dict)) == 0);
  } catch (const std::exception&) {
    return false;
  }
}

Loader::FrameFacts Loader::FactsOfVariables(const Frame& frame) const {
  FrameFacts facts;
  const auto known = codes_.find(frame.code);
  facts.real = known != codes_.end() && known->second.real && known->second.shift == 0;
  // A place for a plain value where this version needs a cell cannot be put back.
  facts.torn = frame.absent.set;
  for (const Local& local : frame.locals) {
#if PY_VERSION_HEX >= 0x030d0000 && PY_VERSION_HEX < 0x030e0000
    facts.torn = facts.torn || (local.kind == Local::kCell && local.cell == 0);
#endif
    facts.torn = facts.torn || (local.value == 0 && local.cell == 0);
  }
  return facts;
}

// Frames that have ended and somebody keeps: (frame, real, torn) for each.
Ref Loader::EndedList() {
  Ref list(PyList_New(0));
  for (const auto& [id, facts] : ended_frames_) {
    Ref item(Py_BuildValue("(OOO)", made_[id], facts.real ? Py_True : Py_False, facts.torn ? Py_True : Py_False));
    if (!list || !item || PyList_Append(list.get(), item.get()) < 0) return Ref();
  }
  return list;
}

// What the frames of threads need to go on, beside their variables and their place: (frame, facts) for each.
Ref Loader::StandingList() {
  Ref list(PyList_New(0));
  for (const MadeFrame& each : thread_frames_) {
    const Frame& frame = each.message;
    Ref stack(PyList_New(0));
    for (size_t i = 0; i < frame.stack.size() && stack; ++i) {
      const auto number = std::find_if(frame.stack_numbers.begin(), frame.stack_numbers.end(),
                                       [i](const StackNumber& candidate) { return candidate.index == i; });
      Ref item;
      if (frame.stack[i] != 0) {
        Ref object(NewStackItem(frame.stack[i]));
        item = Ref(object ? PyTuple_Pack(1, object.get()) : nullptr);
      } else {
        item = number != frame.stack_numbers.end() ? Int(number->value) : None();
      }
      if (!item || PyList_Append(stack.get(), item.get()) < 0) return Ref();
    }
    Ref blocks(PyList_New(0));
    for (const Block& block : frame.blocks) {
      Ref item(Py_BuildValue("(iii)", block.type, block.handler, block.level));
      if (!blocks || !item || PyList_Append(blocks.get(), item.get()) < 0) return Ref();
    }
    Ref operands(PyList_New(0));
    for (const uint32_t id : frame.call_operands) {
      Ref item(id != 0 ? Ref(PyTuple_Pack(1, Get(id))) : None());
      if (!operands || !item || PyList_Append(operands.get(), item.get()) < 0) return Ref();
    }
    const FrameFacts variables = FactsOfVariables(frame);
    Dict dict;
    dict.Set("real", Bool(variables.real))
        .Set("stack", std::move(stack))
        .Set("below_call", Bool(frame.stack_below_call))
        .Set("why", AbsentOrNone(frame.stack_absent))
        .Set("blocks", std::move(blocks))
        .Set("is_entry", Bool(frame.is_entry))
        .Set("hidden_caller", Bool(frame.has_hidden_caller))
        .Set("called", ObjectOrNone(frame.called))
        .Set("lasti", Int(frame.lasti))
        .Set("operands", std::move(operands))
        .Set("torn", Bool(variables.torn));
    Ref facts = dict.Take();
    Ref pair(facts ? PyTuple_Pack(2, each.frame.get(), facts.get()) : nullptr);
    if (!list || !pair || PyList_Append(list.get(), pair.get()) < 0) return Ref();
  }
  return list;
}

Ref Loader::RunningDict() {
  Ref codes(PyList_New(0));
  Ref types(PyList_New(0));
  Ref functions(PyList_New(0));
  Ref modules(PyList_New(0));
  Ref bare(PyList_New(0));
  const auto add = [](const Ref& list, PyObject* object) {
    if (list) PyList_Append(list.get(), object);
  };
  for (const auto& [id, built] : codes_) {
    if (built.real) add(codes, built.code.get());
  }
  for (PyTypeObject* type : rebuilt_) add(types, reinterpret_cast<PyObject*>(type));
  for (uint32_t id = 1; id < made_.size(); ++id) {
    PyObject* made = made_[id];
    if (made == nullptr) continue;
    if (PyFunction_Check(made)) add(functions, made);
    if (PyModule_Check(made) && made != builtins_.get()) add(modules, made);
    if (IsBare(id)) add(bare, made);
  }
  Dict dict;
  dict.Set("codes", std::move(codes))
      .Set("types", std::move(types))
      .Set("functions", std::move(functions))
      .Set("modules", std::move(modules))
      .Set("standing", StandingList())
      .Set("ended", EndedList())
      .Set("bare", std::move(bare));
  return dict.Take();
}

Ref Loader::Result() {
  Ref threads(PyList_New(0));
  size_t index = 0;
  for (const Thread& thread : threads_) {
    Ref dict = ThreadDict(thread, index);
    index += thread.frames.size();
    if (!threads || !dict || PyList_Append(threads.get(), dict.get()) < 0) return Ref();
  }
  Ref tasks(PyList_New(0));
  for (const Task& task : tasks_) {
    Ref dict = TaskDict(task);
    if (!tasks || !dict || PyList_Append(tasks.get(), dict.get()) < 0) return Ref();
  }
  Ref greenlets(PyList_New(0));
  for (const Greenlet& greenlet : greenlets_) {
    Ref dict = GreenletDict(greenlet, index);
    index += greenlet.frames.size();
    if (!greenlets || !dict || PyList_Append(greenlets.get(), dict.get()) < 0) return Ref();
  }
  Ref sources(PyList_New(0));
  Each<SourceFile>(file_.sources, [&](const SourceFile& source) {
    Ref content(PyBytes_FromStringAndSize(source.content.data(), static_cast<Py_ssize_t>(source.content.size())));
    Ref pair(content ? Py_BuildValue("(NO)", PathText(source.filename).release(), content.get()) : nullptr);
    if (sources && pair) PyList_Append(sources.get(), pair.get());
  });
  Ref globals(PyList_New(0));
  for (PyObject* each : globals_) {
    if (globals) PyList_Append(globals.get(), each);
  }
  const auto with_counts = [](const std::vector<std::pair<PyObject*, uint64_t>>& counts) {
    Ref list(PyList_New(0));
    for (const auto& [each, omitted] : counts) {
      Ref pair(Py_BuildValue("(OK)", each, static_cast<unsigned long long>(omitted)));
      if (list && pair) PyList_Append(list.get(), pair.get());
    }
    return list;
  };
  Ref exception = None();
  Ref exception_thread = None();
  if (file_.has_exception) {
    try {
      const CrashException crash(file_.exception);
      exception = Ref(NewGet(crash.object));
      if (crash.native_id != 0) exception_thread = Int(crash.native_id);
    } catch (const std::exception&) {
      // Left out.
    }
  }
  Dict dict;
  dict.Set("header", HeaderDict())
      .Set("capture", CaptureDict())
      .Set("threads", std::move(threads))
      .Set("tasks", std::move(tasks))
      .Set("greenlets", std::move(greenlets))
      .Set("contexts", ContextList())
      .Set("sources", std::move(sources))
      .Set("globals", std::move(globals))
      .Set("partial", with_counts(partial_))
      .Set("partial_types", with_counts(partial_types_))
      .Set("exception", std::move(exception))
      .Set("exception_thread", std::move(exception_thread))
      .Set("same_code", Bool(same_code_))
      .Set("running", options_.run_code ? RunningDict() : None());
  return dict.Take();
}

}  // namespace pysnap::replay
