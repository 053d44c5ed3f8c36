// Generators, coroutines and async generators: stand-ins or, where captured code may run, real ones that can go on.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "replay_ext/core/loader.h"
#include "replay_ext/core/opcodes/opcodes.h"

namespace pysnap::replay {
namespace {

// Generator.State of the schema.
constexpr uint32_t kCreated = 1;
constexpr uint32_t kSuspended = 2;
constexpr uint32_t kClosed = 4;

constexpr unsigned kMakesGenerator = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;

// A function of `code` that can be called without arguments, whatever parameters it has.
Ref CallableOf(PyCodeObject* code, PyObject* globals) {
  Ref function(PyFunction_New(reinterpret_cast<PyObject*>(code), globals));
  const Py_ssize_t frees = pysnap_code_free_count(code);
  Ref cells(PyTuple_New(frees));
  Ref defaults(PyTuple_New(code->co_argcount));
  Ref keyword_defaults(PyDict_New());
  if (!function || !cells || !defaults || !keyword_defaults) return Ref();
  for (Py_ssize_t i = 0; i < frees; ++i) PyTuple_SET_ITEM(cells.get(), i, PyCell_New(nullptr));
  Ref nothing(PyTuple_New(0));
  if (!nothing) return Ref();
  for (int i = 0; i < code->co_argcount; ++i) {
    // From 3.15 on a generator expression asks for the iterator of its argument before it is a generator.
    const bool iterated = PyUnicode_CompareWithASCIIString(pysnap_code_slot_name(code, i), ".0") == 0;
    PyTuple_SET_ITEM(defaults.get(), i, Ref::New(iterated ? nothing.get() : Py_None).release());
  }
  for (int i = code->co_argcount; i < code->co_argcount + code->co_kwonlyargcount; ++i) {
    if (PyDict_SetItem(keyword_defaults.get(), pysnap_code_slot_name(code, i), Py_None) < 0) return Ref();
  }
  if ((frees != 0 && PyFunction_SetClosure(function.get(), cells.get()) < 0) ||
      PyFunction_SetDefaults(function.get(), defaults.get()) < 0) {
    return Ref();
  }
  reinterpret_cast<PyFunctionObject*>(function.get())->func_kwdefaults = keyword_defaults.release();
  return function;
}

const char* FrameAttribute(PyObject* generator) {
  if (PyGen_CheckExact(generator)) return "gi_frame";
  return PyCoro_CheckExact(generator) ? "cr_frame" : "ag_frame";
}

}  // namespace

PyObject* Loader::MakeGenerator(uint32_t id, const Generator& generator) {
  if (generator.state != kCreated && generator.state != kSuspended && generator.state != kClosed) return nullptr;
  if (generator.state == kClosed) return PyObject_CallFunction(options_.closed, "I", generator.kind);
  const auto known = codes_.find(generator.code);
  if (known == codes_.end() || !known->second.real) return nullptr;
  PyCodeObject* code = reinterpret_cast<PyCodeObject*>(known->second.code.get());
  Object code_object;
  code_object.Decode(file_.objects[generator.code]);
  const Bytes bytecode = Code(code_object.data).bytecode;
  if ((static_cast<unsigned>(code->co_flags) & kMakesGenerator) == 0 ||
      !pysnap_code_makes_generator(reinterpret_cast<const uint8_t*>(bytecode.data()), bytecode.size(),
                                   pysnap_code_slots(code), pysnap_code_free_count(code))) {
    return nullptr;
  }
  if (!generator.has_frame) return nullptr;
  RealGenerator real;
  real.frame = Frame(generator.frame);
  if (real.frame.absent.set || real.frame.code != generator.code || real.frame.blocks.size() > CO_MAXBLOCKS) {
    return nullptr;
  }
  const bool whole = real.frame.stack_complete && real.frame.stack.size() <= static_cast<size_t>(code->co_stacksize);
  if (generator.state == kSuspended && (!whole || real.frame.lasti < 0)) return nullptr;
  const Ref globals = GlobalsOf(real.frame);
  if (!globals) return nullptr;
  // Up to its first instruction, which makes the generator; nothing of the program's runs.
  Ref function = CallableOf(code, globals.get());
  Ref made(function ? PyObject_CallObject(function.get(), nullptr) : nullptr);
  if (!made || !(PyGen_CheckExact(made.get()) || PyCoro_CheckExact(made.get()) || PyAsyncGen_CheckExact(made.get()))) {
    return nullptr;
  }
  pysnap_never_finalize(made.get());
  Ref frame(PyObject_GetAttrString(made.get(), FrameAttribute(made.get())));
  if (!frame || !PyFrame_Check(frame.get())) return nullptr;
  Ref builtins(PyObject_GetAttr(builtins_.get(), dict_name_.get()));
  if (!builtins) return nullptr;
  pysnap_frame_set_builtins(frame.get(), builtins.get());
  for (int i = 0; i < pysnap_code_slots(code); ++i) pysnap_frame_set_slot(frame.get(), i, nullptr);
  if (generator.state == kSuspended) pysnap_frame_set_lasti(frame.get(), real.frame.lasti & ~1);
  generator_frames_[id] = {real.frame, Ref::New(frame.get())};
  real.generator = Ref::New(made.get());
  real.is_suspended = generator.state == kSuspended;
  real.delegates = generator.awaiting != 0;
  real.handling = generator.handling;
  real_generators_.push_back(std::move(real));
  return made.release();
}

// Whether the instances of a type had a __next__ in the program; true when it is not known.
bool Loader::WasIterator(uint32_t type_id) {
  constexpr size_t kMaxTypes = 1000;
  Ids types = {type_id};
  for (size_t i = 0; i < types.size() && i < kMaxTypes; ++i) {
    Object object;
    if (types[i] != 0 && types[i] < file_.objects.size()) object.Decode(file_.objects[types[i]]);
    if (object.kind != ValueKind::kType) return true;
    const Type type(object.data);
    if (type.iterator) return true;
    types.insert(types.end(), type.bases.begin(), type.bases.end());
  }
  return types.size() > kMaxTypes;
}

// An entry of a stack. What was an iterator in the program must be one here: the interpreter calls tp_iternext unseen.
PyObject* Loader::NewStackItem(uint32_t id) {
  if (id == 0) return nullptr;
  PyObject* object = Get(id);
  if (!PyIter_Check(object)) {
    Object message;
    if (id < file_.objects.size()) message.Decode(file_.objects[id]);
    if (WasIterator(message.type)) return PyObject_CallFunctionObjArgs(options_.not_iterator, object, nullptr);
  }
  Py_INCREF(object);
  return object;
}

void Loader::NeverFinalize() {
  for (PyObject* object : made_) {
    if (object != nullptr && IsRebuilt(Py_TYPE(object)) && PyObject_IS_GC(object)) pysnap_never_finalize(object);
  }
}

void Loader::SuspendGenerators() {
  for (const RealGenerator& each : real_generators_) {
    if (!each.is_suspended) continue;
    std::vector<pysnap_stack_item> stack;
    std::vector<pysnap_block> blocks;
    for (const uint32_t id : each.frame.stack) stack.push_back({NewStackItem(id), 0, 0});
    for (const StackNumber& number : each.frame.stack_numbers) {
      if (number.index < stack.size() && stack[number.index].object == nullptr) {
        stack[number.index] = {nullptr, 1, number.value};
      }
    }
    for (const Block& block : each.frame.blocks) blocks.push_back({block.type, block.handler, block.level});
    PyObject* handled = each.handling != 0 ? Get(each.handling) : nullptr;
    pysnap_suspension state{};
    state.stack = stack.data();
    state.depth = static_cast<int>(stack.size());
    state.blocks = blocks.data();
    state.block_count = static_cast<int>(blocks.size());
    state.handled = handled != nullptr && PyExceptionInstance_Check(handled) ? handled : nullptr;
    state.delegates = each.delegates;
    pysnap_generator_suspend(each.generator.get(), &state);
  }
}

PyObject* Loader::MakeSuspended(uint32_t id, const Object& object) {
  const Generator generator(object.data);
  if (options_.run_code) {
    PyObject* real = MakeGenerator(id, generator);
    if (real != nullptr || !Recover()) return real;
  }
  if (generator.has_frame) {
    const Frame frame(generator.frame);
    // A running one has a frame of a thread's.
    if (FindThreadFrame(0, frame) == nullptr) generator_frames_[id] = {frame, Ref(MakeFrame(frame))};
  }
  PyTypeObject* type = reinterpret_cast<PyTypeObject*>(options_.suspended);
  return NewInstance(type);
}

void Loader::FillSuspended(PyObject* made, uint32_t id, const Object& object) {
  const Generator generator(object.data);
  if (reinterpret_cast<PyObject*>(Py_TYPE(made)) != options_.suspended) {
    const auto name = [&](const char* attribute, uint32_t text) {
      if (PyObject* given = GetIf(text, &PyUnicode_Type)) PyObject_SetAttrString(made, attribute, given);
      PyErr_Clear();
    };
    name("__name__", generator.name);
    name("__qualname__", generator.qualname);
    return;
  }
  constexpr const char* kKinds[] = {"unknown", "generator", "coroutine", "async_generator"};
  constexpr const char* kStates[] = {"unknown", "created", "suspended", "running", "closed"};
  const auto set = [&](const char* name, PyObject* value) {
    if (value != nullptr) PyObject_SetAttrString(made, name, value);
    PyErr_Clear();
  };
  const auto set_text = [&](const char* name, const char* text) {
    Ref value(PyUnicode_FromString(text));
    set(name, value.get());
  };
  set_text("kind", generator.kind < std::size(kKinds) ? kKinds[generator.kind] : kKinds[0]);
  set_text("state", generator.state < std::size(kStates) ? kStates[generator.state] : kStates[0]);
  Ref address(PyLong_FromUnsignedLongLong(object.address));
  set("address", address.get());
  set("name", generator.name != 0 ? Get(generator.name) : nullptr);
  set("qualname", generator.qualname != 0 ? Get(generator.qualname) : nullptr);
  set("code", generator.code != 0 ? Get(generator.code) : nullptr);
  set("awaiting", generator.awaiting != 0 ? Get(generator.awaiting) : nullptr);
  const auto frame = generator_frames_.find(id);
  if (frame != generator_frames_.end()) {
    set("frame", frame->second.frame.get());
  } else if (generator.has_frame) {
    const MadeFrame* running = FindThreadFrame(0, Frame(generator.frame));
    if (running != nullptr) set("frame", running->frame.get());
  }
}

}  // namespace pysnap::replay
