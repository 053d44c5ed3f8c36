#include "replay_ext/core/loader.h"

#include <algorithm>
#include <protozero/exception.hpp>

#include "replay_ext/core/dealloc_guard.h"

namespace pysnap::replay {
namespace {

const char* ReasonName(uint32_t reason) {
  constexpr const char* kNames[] = {"unknown",  "unreadable", "limit",        "unsupported",
                                    "redacted", "torn",       "inconsistent", "not followed"};
  return reason < std::size(kNames) ? kNames[reason] : kNames[0];
}

}  // namespace

Loader::Loader(const SnapshotFile& file, const LoadOptions& options)
    : file_(file),
      options_(options),
      made_(file.objects.size(), nullptr),
      state_(file.objects.size(), kNew),
      names_(file.strings.size(), nullptr) {
  const Python& python = file.header.python;
  source_minor_ = python.minor;
  const uint32_t magic = static_cast<uint32_t>(PyImport_GetMagicNumber()) & 0xffff;
  // All micro versions of a released minor share their magic.
  const bool released = python.version.find_first_not_of("0123456789.") == Bytes::npos;
  same_code_ = python.major == PY_MAJOR_VERSION && python.minor == PY_MINOR_VERSION && !python.free_threaded &&
               (python.magic != 0 ? python.magic == magic : released);
}

Loader::~Loader() {
  for (PyObject* object : made_) Py_XDECREF(object);
  for (PyObject* name : names_) Py_XDECREF(name);
}

Ref Loader::Load() {
  empty_tuple_ = Ref(PyTuple_New(0));
  empty_str_ = Ref(PyUnicode_FromString(""));
  dict_name_ = Ref(PyUnicode_InternFromString("__dict__"));
  builtins_ = Ref(PyImport_ImportModule("builtins"));
  if (!empty_tuple_ || !empty_str_ || !dict_name_ || !builtins_) return Ref();
  for (const Bytes bytes : file_.threads) {
    try {
      threads_.emplace_back(bytes);
    } catch (const protozero::exception&) {
      problems_.push_back("a thread's record cannot be parsed");
      continue;
    }
    AddStack(threads_.back().frames);
  }
  for (const Bytes bytes : file_.greenlets) {
    try {
      greenlets_.emplace_back(bytes);
    } catch (const protozero::exception&) {
      problems_.push_back("a greenlet's record cannot be parsed");
      continue;
    }
    AddStack(greenlets_.back().frames);
  }
  for (const Bytes bytes : file_.tasks) {
    try {
      tasks_.emplace_back(bytes);
    } catch (const protozero::exception&) {
      problems_.push_back("a task's record cannot be parsed");
    }
  }
  if (!MakeAll() || !MakeThreads() || !FillAll()) return Ref();
  CutLongChains(made_);
  return Result();
}

bool Loader::Recover() {
  if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) return false;
  PyErr_Clear();
  return true;
}

// ---------------------------------------------------------------- access

PyObject* Loader::Get(uint32_t id) {
  if (id < made_.size() && made_[id] != nullptr) return made_[id];
  Ref& missing = missing_[id];
  if (!missing) {
    missing = id == 0              ? NewAbsent("unknown", "a reference to nothing", 0)
              : id >= made_.size() ? NewAbsent("unknown", "the file ends before it", 0)
                                   : NewAbsent("inconsistent", "it refers to itself before it can exist", 0);
  }
  return missing.get();
}

PyObject* Loader::NewGet(uint32_t id) {
  PyObject* object = Get(id);
  Py_XINCREF(object);
  return object;
}

PyObject* Loader::GetIf(uint32_t id, PyTypeObject* type) {
  if (id == 0 || id >= made_.size() || made_[id] == nullptr) return nullptr;
  return PyObject_TypeCheck(made_[id], type) ? made_[id] : nullptr;
}

PyObject* Loader::Name(uint32_t id) {
  if (id >= names_.size()) return empty_str_.get();
  if (names_[id] == nullptr) {
    const Bytes text = file_.strings[id];
    PyObject* name = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogatepass");
    if (name == nullptr) {
      PyErr_Clear();
      name = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace");
    }
    if (name == nullptr) {
      PyErr_Clear();
      return empty_str_.get();
    }
    PyUnicode_InternInPlace(&name);
    names_[id] = name;
  }
  return names_[id];
}

Ref Loader::NewAbsent(const char* reason, const std::string& detail, uint32_t type) {
  PyTypeObject* cls = ClassOf(type);
  Ref text(PyUnicode_DecodeUTF8(detail.data(), static_cast<Py_ssize_t>(detail.size()), "backslashreplace"));
  return Ref(PyObject_CallFunction(options_.absent, "sOO", reason, text ? text.get() : Py_None,
                                   cls ? reinterpret_cast<PyObject*>(cls) : Py_None));
}

Ref Loader::NewAbsent(const Absent& absent, uint32_t type) {
  return NewAbsent(ReasonName(absent.reason), std::string(absent.detail), type);
}

// ---------------------------------------------------------------- phase 1: shells

bool Loader::IsDone(uint32_t id, bool whole) const {
  if (id == 0 || id >= state_.size()) return true;
  // In progress further up: it cannot be waited for.
  if (state_[id] & (whole ? kOpenWhole | kWhole : kOpen | kShell)) return true;
  return false;
}

void Loader::Needs(const Object& object, std::vector<uint32_t>& needs) {
  if (object.type != 0) needs.push_back(object.type);
  if (FindImported(object.type) != nullptr) {
    for (const Attribute& attribute : object.attributes) needs.push_back(attribute.value);
  }
  switch (object.kind) {
    case ValueKind::kType:
      for (uint32_t base : Type(object.data).bases) needs.push_back(base);
      break;
    case ValueKind::kFunction: {
      const Function function(object.data);
      needs.push_back(function.code);
      needs.push_back(function.globals);
      break;
    }
    case ValueKind::kMethod: {
      const Method method(object.data);
      needs.push_back(method.function);
      needs.push_back(method.self);
      break;
    }
    case ValueKind::kBuiltinFunction: {
      const BuiltinFunction function(object.data);
      needs.push_back(function.self);
      needs.push_back(function.module);
      needs.push_back(function.objclass);
      break;
    }
    case ValueKind::kModule: {
      const Module module(object.data);
      needs.push_back(module.name);
      needs.push_back(module.dict);
      break;
    }
    case ValueKind::kSlice: {
      const Slice slice(object.data);
      needs.insert(needs.end(), {slice.start, slice.stop, slice.step});
      break;
    }
    case ValueKind::kFrame: {
      const Frame frame(object.data);
      needs.insert(needs.end(), {frame.code, frame.globals, frame.name_space});
      break;
    }
    case ValueKind::kGenerator: {
      const Generator generator(object.data);
      const Frame frame(generator.frame);
      needs.insert(needs.end(), {generator.code, frame.code, frame.globals, frame.name_space});
      break;
    }
    case ValueKind::kTraceback:
      needs.push_back(Traceback(object.data).frame);
      break;
    case ValueKind::kParts: {
      const Parts parts(object.data);
      for (const Attribute& part : parts.parts) {
        needs.push_back(part.value);
        NeedsOfPart(part.value, needs);
      }
      needs.insert(needs.end(), parts.items.begin(), parts.items.end());
      break;
    }
    default:
      break;
  }
}

void Loader::NeedsOfPart(uint32_t id, std::vector<uint32_t>& needs) {
  if (id == 0 || id >= file_.objects.size()) return;
  Object part;
  part.Decode(file_.objects[id]);
  if (part.kind == ValueKind::kSequence) {
    const Sequence sequence(part.data);
    needs.insert(needs.end(), sequence.items.begin(), sequence.items.end());
  } else if (part.kind == ValueKind::kMapping) {
    const Mapping mapping(part.data);
    needs.insert(needs.end(), mapping.keys.begin(), mapping.keys.end());
    needs.insert(needs.end(), mapping.values.begin(), mapping.values.end());
  }
}

void Loader::FillPart(uint32_t id) {
  if (id == 0 || id >= made_.size() || made_[id] == nullptr || state_[id] & kFilled) return;
  PyObject* made = made_[id];
  Object part;
  part.Decode(file_.objects[id]);
  const auto all = [&](const std::vector<uint32_t>& ids, auto&& test) {
    return std::all_of(ids.begin(), ids.end(), [&](uint32_t each) {
      return each != 0 && each < made_.size() && made_[each] != nullptr && test(made_[each]);
    });
  };
  const auto any = [](PyObject*) { return true; };
  if (part.kind == ValueKind::kSequence && PyList_CheckExact(made)) {
    if (!all(Sequence(part.data).items, any)) return;
    FillSequence(made, part);
  } else if (part.kind == ValueKind::kSequence && PyTuple_Check(made)) {
    // Tuples of nothing that is hashed by its items cannot be part of a cycle of such.
    const auto flat = [](PyObject* item) { return !PyTuple_Check(item) && !PyFrozenSet_Check(item); };
    if (!all(Sequence(part.data).items, flat)) return;
    FillSequence(made, part);
  } else if (part.kind == ValueKind::kMapping && PyDict_CheckExact(made) && real_namespaces_.count(id) == 0) {
    const Mapping mapping(part.data);
    const auto scalar = [](PyObject* key) {
      return PyUnicode_CheckExact(key) || PyLong_CheckExact(key) || PyBytes_CheckExact(key) || PyFloat_CheckExact(key);
    };
    if (!all(mapping.keys, scalar) || !all(mapping.values, any)) return;
    FillMapping(made, part);
  } else {
    return;
  }
  state_[id] |= kFilled;
}

bool Loader::MakeAll() {
  for (uint32_t id = 1; id < made_.size(); ++id) {
    if (state_[id] == kNew && !Make(id, false)) return false;
  }
  return true;
}

bool Loader::Make(uint32_t root, bool root_whole) {
  struct Step {
    uint32_t id;
    bool whole;
  };
  std::vector<Step> stack{{root, root_whole}};
  std::vector<uint32_t> needs;
  Object object;
  while (!stack.empty()) {
    const Step step = stack.back();
    const uint32_t id = step.id;
    if (state_[id] & (step.whole ? kWhole : kShell)) {
      stack.pop_back();
      continue;
    }
    try {
      object.Decode(file_.objects[id]);
    } catch (const protozero::exception&) {
      object.Decode({});
      object.absent = {true, 6, "its record cannot be parsed"};
    }
    const size_t before = stack.size();
    try {
      const bool first = !(state_[id] & (step.whole ? kOpenWhole : kOpen));
      state_[id] |= step.whole ? kOpenWhole : kOpen;
      if (first) {
        if (step.whole && !IsDone(id, false)) stack.push_back({id, false});
        needs.clear();
        if (!step.whole) {
          Needs(object, needs);
          for (uint32_t need : needs) {
            if (!IsDone(need, false)) stack.push_back({need, false});
          }
          if (object.kind == ValueKind::kCode) {
            for (uint32_t need : Code(object.data).constants) {
              if (!IsDone(need, true)) stack.push_back({need, true});
            }
          }
        } else if (object.kind == ValueKind::kSequence) {
          for (uint32_t need : Sequence(object.data).items) {
            if (!IsDone(need, true)) stack.push_back({need, true});
          }
        }
        if (stack.size() != before) continue;
      }
      if (!step.whole) {
        made_[id] = MakeShell(id, object);
        if (made_[id] == nullptr) {
          if (!Recover()) return false;
          made_[id] = NewAbsent("inconsistent", "it cannot be rebuilt", object.type).release();
          if (made_[id] == nullptr) return false;
        }
      } else if (object.kind == ValueKind::kSequence && !(state_[id] & kFilled)) {
        // A constant: items of tuples and frozensets must be there before a code object is made of them.
        if (PyTuple_Check(made_[id])) {
          FillSequence(made_[id], object);
          state_[id] |= kFilled;
        } else if (PyFrozenSet_Check(made_[id])) {
          FillFrozenset(made_[id], object);
          state_[id] |= kFilled;
        }
      }
    } catch (const protozero::exception&) {
      stack.resize(before);
      if (made_[id] == nullptr) {
        made_[id] = NewAbsent("inconsistent", "its record cannot be parsed", 0).release();
        if (made_[id] == nullptr) return false;
      }
    }
    if (PyErr_Occurred() && !Recover()) return false;
    state_[id] |= step.whole ? kWhole : kShell;
    stack.pop_back();
  }
  return true;
}

PyObject* Loader::MakeShell(uint32_t id, const Object& object) {
  PyTypeObject* type = ClassOf(object.type);
  switch (object.kind) {
    case ValueKind::kNone:
      if (object.absent.set && object.attributes.empty() && object.dict == 0 && FindImported(object.type) == nullptr) {
        return NewAbsent(object.absent, object.type).release();
      }
      return MakeInstance(id, object, type);
    case ValueKind::kSingleton:
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kBigInt:
    case ValueKind::kFloat:
    case ValueKind::kComplex:
    case ValueKind::kStr:
    case ValueKind::kBytes:
      return MakeScalar(id, object, type);
    case ValueKind::kSequence: {
      PyObject* made = MakeSequence(object, type);
      if (made != nullptr && !PyTuple_Check(made) && !PyList_Check(made)) hashed_.push_back(id);
      return made;
    }
    case ValueKind::kMapping:
      hashed_.push_back(id);
      return MakeMapping(object, type);
    case ValueKind::kSlice:
      return MakeSlice(object);
    case ValueKind::kType: {
      PyObject* made = MakeType(object);
      if (made != nullptr) types_.push_back(id);
      return made;
    }
    case ValueKind::kFunction:
      return MakeFunction(object);
    case ValueKind::kMethod:
      return MakeMethod(object);
    case ValueKind::kBuiltinFunction:
      return MakeBuiltinFunction(object);
    case ValueKind::kCell:
      return PyCell_New(nullptr);
    case ValueKind::kModule:
      return MakeModule(object, type);
    case ValueKind::kCode:
      return MakeCode(id, object);
    case ValueKind::kException:
      return MakeException(object, type);
    case ValueKind::kTraceback: {
      PyObject* made = MakeTraceback(object);
      if (made != nullptr) tracebacks_.push_back(id);
      return made;
    }
    case ValueKind::kFrame: {
      const Frame frame(object.data);
      MadeFrame* running = FindThreadFrame(id, frame);
      if (running == nullptr) return MakeFrame(frame);
      if (!running->frame) running->frame = Ref(MakeFrame(running->message));
      return Ref::New(running->frame.get()).release();
    }
    case ValueKind::kGenerator:
      return MakeSuspended(id, object);
    case ValueKind::kParts:
      // What its struct holds besides the attributes makes no value.
      if (object.absent.set && (!object.attributes.empty() || object.dict != 0)) return MakeInstance(id, object, type);
      return MakeParts(id, object, type);
  }
  return NewAbsent("unsupported", "a kind of value this version does not know", object.type).release();
}

// ---------------------------------------------------------------- phases 2 to 4

bool Loader::FillAll() {
  Object object;
  const auto fill = [&](uint32_t id, auto&& how) {
    try {
      object.Decode(file_.objects[id]);
      how(id);
    } catch (const protozero::exception&) {
      // Its shell stands for it; Make() has decoded the same bytes, so only parts of it can be broken.
    }
    return !PyErr_Occurred() || Recover();
  };
  for (uint32_t id = 1; id < made_.size(); ++id) {
    if (!fill(id, [&](uint32_t each) { Fill(each, object); })) return false;
  }
  // Frozensets first: they may be keys. One inside another is completed by Make().
  for (const uint32_t id : hashed_) {
    if (PyFrozenSet_Check(made_[id]) && !(state_[id] & kFilled) && !Make(id, true)) return false;
  }
  for (const uint32_t id : hashed_) {
    if (state_[id] & kFilled || real_namespaces_.count(id) != 0) continue;
    state_[id] |= kFilled;
    const bool ok = fill(id, [&](uint32_t each) {
      if (object.kind == ValueKind::kMapping) {
        FillMapping(made_[each], object);
      } else {
        FillSet(made_[each], object);
      }
    });
    if (!ok) return false;
  }
  LinkTracebacks();
  FillThreads();
  for (const auto& [id, frame] : generator_frames_) {
    if (frame.frame) FillFrame(frame.frame.get(), frame.message);
  }
  FillPending();
  if (PyErr_Occurred() && !Recover()) return false;
  // A class before its metaclass, which was made before it: descriptors of the metaclass are not in force yet.
  for (auto type = types_.rbegin(); type != types_.rend(); ++type) {
    const uint32_t id = *type;
    if (!fill(id, [&](uint32_t each) { FillType(made_[each], Type(object.data)); })) return false;
  }
  SuspendGenerators();
  if (options_.run_code) NeverFinalize();
  if (PyErr_Occurred() && !Recover()) return false;
  return true;
}

void Loader::Fill(uint32_t id, const Object& object) {
  PyObject* made = made_[id];
  switch (object.kind) {
    case ValueKind::kSequence:
      if (!(state_[id] & kFilled) && (PyTuple_Check(made) || PyList_Check(made))) {
        FillSequence(made, object);
        state_[id] |= kFilled;
      }
      break;
    case ValueKind::kCell:
      if (PyCell_Check(made)) {
        const Cell cell(object.data);
        if (cell.contents != 0) PyCell_Set(made, Get(cell.contents));
      }
      break;
    case ValueKind::kFunction:
      FillFunction(made, object);
      break;
    case ValueKind::kException:
      FillException(made, object);
      break;
    case ValueKind::kTraceback:
      FillTraceback(made, object);
      break;
    case ValueKind::kFrame:
      if (PyFrame_Check(made)) {
        const Frame frame(object.data);
        if (FindThreadFrame(id, frame) != nullptr) break;
        FillFrame(made, frame);
        if (options_.run_code && frame.has_ended) ended_frames_.emplace_back(id, FactsOfVariables(frame));
      }
      break;
    case ValueKind::kGenerator:
      FillSuspended(made, id, object);
      break;
    case ValueKind::kParts:
      FillItems(id, object);
      break;
    default:
      break;
  }
  // What a library has made is whole, but for what the program gave it.
  if (imported_.count(id) != 0) return FillDict(made, object);
  if (object.dict != 0 || !object.attributes.empty()) FillAttributes(made, object);
}

}  // namespace pysnap::replay
