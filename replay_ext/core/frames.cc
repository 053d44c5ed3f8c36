// Frames, threads and tracebacks.
#include <algorithm>

#include "replay_ext/core/loader.h"

namespace pysnap::replay {
namespace {

PyCodeObject* CodeOf(PyObject* frame) {
#if PY_VERSION_HEX >= 0x03090000
  PyCodeObject* code = PyFrame_GetCode(reinterpret_cast<PyFrameObject*>(frame));
  Py_DECREF(code);  // the frame keeps it
  return code;
#else
  return reinterpret_cast<PyFrameObject*>(frame)->f_code;
#endif
}

// Whether `frame` is `back` or one of the frames outside of it.
bool IsInBacks(PyObject* frame, PyObject* back) {
  for (PyObject* at = back; at != nullptr; at = pysnap_frame_get_back(at)) {
    if (at == frame) return true;
  }
  return false;
}

}  // namespace

Loader::MadeFrame* Loader::FindThreadFrame(uint32_t id, const Frame& frame) {
  const auto by_id = frames_by_id_.find(id);
  if (by_id != frames_by_id_.end()) return &thread_frames_[by_id->second];
  const auto by_address = frame.address != 0 ? frames_by_address_.find(frame.address) : frames_by_address_.end();
  return by_address != frames_by_address_.end() ? &thread_frames_[by_address->second] : nullptr;
}

// Its own dict, or an empty one where frames cannot have it.
Ref Loader::GlobalsOf(const Frame& frame) {
  PyObject* captured = GetIf(frame.globals, &PyDict_Type);
  const bool usable = captured != nullptr && PyDict_CheckExact(captured) && real_namespaces_.count(frame.globals) == 0;
  Ref globals = usable ? Ref::New(captured) : Ref(PyDict_New());
  if (globals) globals_.insert(globals.get());
  return globals;
}

PyObject* Loader::MakeFrame(const Frame& frame) {
  int shift = 0;
  Ref code(FrameCode(frame.code, frame.line, &shift));
  if (!code) return nullptr;
  const Ref globals = GlobalsOf(frame);
  if (!globals) return nullptr;
  PyCodeObject* object = reinterpret_cast<PyCodeObject*>(code.get());
  Ref locals;
  if (!(object->co_flags & CO_OPTIMIZED)) {
    PyObject* captured = GetIf(frame.name_space, &PyDict_Type);
    const bool hidden = std::any_of(frame.locals.begin(), frame.locals.end(),
                                    [](const Local& local) { return local.kind == Local::kHidden; });
    const auto known = codes_.find(frame.code);
    const bool real = known != codes_.end() && known->second.real;
    if (hidden && !real) {
      // A comprehension inlined into a module or class body: this version has no fast variables there.
      locals = Ref(PyDict_New());
      if (!locals) return nullptr;
      Pending pending;
      pending.target = Ref::New(locals.get());
      pending.source = captured != nullptr ? frame.name_space : frame.globals;
      for (const Local& local : frame.locals) {
        if (local.kind == Local::kHidden) pending.hidden.push_back(local);
      }
      pending_.push_back(std::move(pending));
    } else if (captured != nullptr) {
      locals = Ref::New(captured);
    } else {
      // A module's frame without a namespace of its own works on its globals; a class body's is then not known.
      locals = frame.name_space == 0 ? Ref::New(globals.get()) : Ref(PyDict_New());
    }
    if (!locals) return nullptr;
  }
  Ref builtins(PyObject_GetAttr(builtins_.get(), dict_name_.get()));
  PyObject* made = pysnap_frame_new(object, globals.get(), locals.get(), builtins.get());
  if (made == nullptr) return nullptr;
  Ref bytes(PyObject_GetAttrString(code.get(), "co_code"));
  const Py_ssize_t size = bytes && PyBytes_Check(bytes.get()) ? PyBytes_GET_SIZE(bytes.get()) : 0;
  const int64_t lasti = frame.lasti < 0 ? -1 : int64_t{frame.lasti} + shift;
  pysnap_frame_set_lasti(made, lasti < 0 || lasti >= size ? -1 : static_cast<int>(lasti & ~int64_t{1}));
  return made;
}

void Loader::FillFrame(PyObject* made, const Frame& frame) {
  if (made == nullptr || !PyFrame_Check(made)) return;
  PyCodeObject* code = CodeOf(made);
  const int slots = pysnap_code_slots(code);
  const auto known = codes_.find(frame.code);
  const bool real = known != codes_.end() && known->second.real;
  for (const Local& local : frame.locals) {
    const bool shared = local.kind == Local::kCell || local.kind == Local::kFree;
    Ref value;
    if (shared && local.cell != 0) {
      value = Ref::New(GetIf(local.cell, &PyCell_Type));
      if (!value) value = Ref(PyCell_New(local.value != 0 ? Get(local.value) : nullptr));
    } else if (local.value != 0) {
      value = Ref(NewGet(local.value));
    }
    if (!value) continue;
    int slot = -1;
    if (real) {
      if (local.slot < static_cast<uint32_t>(slots)) slot = static_cast<int>(local.slot);
    } else {
      PyObject* name = Name(local.name);
      const int wanted = shared ? PYSNAP_SLOT_CELL | PYSNAP_SLOT_FREE : PYSNAP_SLOT_LOCAL;
      for (int pass = 0; pass < 2 && slot < 0; ++pass) {
        for (int i = 0; i < slots && slot < 0; ++i) {
          const bool fits = pass == 1 || (pysnap_code_slot_kind(code, i) & wanted) != 0;
          if (fits && pysnap_code_slot_name(code, i) == name && pysnap_frame_get_slot(made, i) == nullptr) slot = i;
        }
      }
    }
    if (slot >= 0) pysnap_frame_set_slot(made, slot, value.release());
  }
  // CPython dereferences these without a check.
  for (int i = 0; i < slots; ++i) {
    if (!pysnap_slot_needs_cell(pysnap_code_slot_kind(code, i))) continue;
    PyObject* held = pysnap_frame_get_slot(made, i);
    if (held == nullptr || !PyCell_Check(held)) {
      PyObject* cell = PyCell_New(held);
      if (cell != nullptr) pysnap_frame_set_slot(made, i, cell);
    }
  }
  if (!frame.contexts.empty()) contexts_.emplace_back(Ref::New(made), frame.contexts);
  PyObject* back = frame.back != 0 ? GetIf(frame.back, &PyFrame_Type) : nullptr;
  if (back != nullptr && pysnap_frame_get_back(made) == nullptr && !IsInBacks(made, back)) {
    pysnap_frame_set_back(made, back);
    callers_.insert(back);
  }
}

void Loader::FillPending() {
  for (Pending& pending : pending_) {
    PyObject* source = Get(pending.source);
    if (PyDict_Check(source)) PyDict_Update(pending.target.get(), source);
    for (const Local& local : pending.hidden) {
      if (local.value != 0) PyDict_SetItem(pending.target.get(), Name(local.name), Get(local.value));
    }
    PyErr_Clear();
  }
}

void Loader::AddStack(const std::vector<Bytes>& frames) {
  stack_sizes_.push_back(frames.size());
  for (const Bytes frame : frames) {
    MadeFrame& made = thread_frames_.emplace_back();
    try {
      made.message = Frame(frame);
    } catch (const protozero::exception&) {
      made.message.absent = {true, 6, "its record cannot be parsed"};
    }
    const size_t index = thread_frames_.size() - 1;
    if (made.message.frame_object != 0) frames_by_id_.emplace(made.message.frame_object, index);
    if (made.message.address != 0) frames_by_address_.emplace(made.message.address, index);
  }
}

bool Loader::MakeThreads() {
  for (MadeFrame& each : thread_frames_) {
    if (!each.frame) each.frame = Ref(MakeFrame(each.message));
    if (!each.frame) {
      if (!Recover()) return false;
      each.frame = Ref(MakeFrame(Frame()));
      if (!each.frame) return false;
    }
    callers_.insert(each.frame.get());
  }
  // f_back: from the innermost frame outwards.
  size_t at = 0;
  for (const size_t size : stack_sizes_) {
    for (size_t i = 0; i + 1 < size; ++i) {
      PyObject* frame = thread_frames_[at + i].frame.get();
      PyObject* back = thread_frames_[at + i + 1].frame.get();
      // Each frame of a sound file is on one stack, once.
      if (pysnap_frame_get_back(frame) == nullptr && frame != back) pysnap_frame_set_back(frame, back);
    }
    at += size;
  }
  return true;
}

void Loader::FillThreads() {
  for (MadeFrame& each : thread_frames_) FillFrame(each.frame.get(), each.message);
}

// ---------------------------------------------------------------- tracebacks

PyObject* Loader::MakeTraceback(const Object& object) {
  const Traceback message(object.data);
  PyObject* frame = GetIf(message.frame, &PyFrame_Type);
  Ref own;
  if (frame == nullptr) {
    Frame placeholder;
    placeholder.line = message.line;
    own = Ref(MakeFrame(placeholder));
    frame = own.get();
  }
  if (frame == nullptr) return nullptr;
  const int line = message.line != 0 ? static_cast<int>(std::min<uint32_t>(message.line, 1 << 30))
                                     : PyFrame_GetLineNumber(reinterpret_cast<PyFrameObject*>(frame));
  Ref args(Py_BuildValue("(OOii)", Py_None, frame, std::max(message.lasti, 0), line));
  return args ? PyTraceBack_Type.tp_new(&PyTraceBack_Type, args.get(), nullptr) : nullptr;
}

void Loader::FillTraceback(PyObject* made, const Object& object) {
  if (!PyTraceBack_Check(made)) return;
  const Traceback message(object.data);
  PyTracebackObject* traceback = reinterpret_cast<PyTracebackObject*>(made);
  Object frame_object;
  if (message.frame != 0 && message.frame < file_.objects.size()) {
    frame_object.Decode(file_.objects[message.frame]);
    if (frame_object.kind == ValueKind::kFrame) {
      const auto known = codes_.find(Frame(frame_object.data).code);
      if (known != codes_.end() && message.lasti >= 0) traceback->tb_lasti = message.lasti + known->second.shift;
    }
  }
  PyObject* next = GetIf(message.next, &PyTraceBack_Type);
  if (next != nullptr && next != made) {
    Py_INCREF(next);
    traceback->tb_next = reinterpret_cast<PyTracebackObject*>(next);
  }
}

void Loader::LinkTracebacks() {
  // A chain of a sound file ends; one that comes back to itself is cut. Each traceback is walked once.
  std::unordered_map<PyObject*, uint32_t> seen;  // traceback -> the walk that came by
  uint32_t walk = 0;
  for (const uint32_t id : tracebacks_) {
    ++walk;
    for (PyObject* at = made_[id]; at != nullptr && PyTraceBack_Check(at);) {
      if (!seen.emplace(at, walk).second) break;
      PyTracebackObject* traceback = reinterpret_cast<PyTracebackObject*>(at);
      PyObject* next = reinterpret_cast<PyObject*>(traceback->tb_next);
      const auto known = next != nullptr ? seen.find(next) : seen.end();
      if (known != seen.end() && known->second == walk) {
        traceback->tb_next = nullptr;
        Py_DECREF(next);
        break;
      }
      at = next;
    }
  }
  // Where a frame's caller was not recorded, the traceback entry before it is the caller. Only a frame that is already
  // somebody's caller could close a circle.
  for (const uint32_t id : tracebacks_) {
    if (!PyTraceBack_Check(made_[id])) continue;
    const PyTracebackObject* outer = reinterpret_cast<PyTracebackObject*>(made_[id]);
    if (outer->tb_next == nullptr) continue;
    PyObject* back = reinterpret_cast<PyObject*>(outer->tb_frame);
    PyObject* frame = reinterpret_cast<PyObject*>(outer->tb_next->tb_frame);
    if (pysnap_frame_get_back(frame) != nullptr || frame == back) continue;
    if (callers_.count(frame) != 0 && IsInBacks(frame, back)) continue;
    pysnap_frame_set_back(frame, back);
    callers_.insert(back);
  }
}

}  // namespace pysnap::replay
