// Classes: the interpreter's own for known builtin and standard-library types, rebuilt ones for all others.
#include <algorithm>
#include <string>

#include "replay_ext/core/loader.h"

namespace pysnap::replay {
namespace {

constexpr int kMaxInheritance = 200;  // classes from `object` down; every class lists all of them in its mro
constexpr size_t kMaxBases = 100;
constexpr Py_ssize_t kMaxMro = 1000;
constexpr size_t kMaxClasses = 200'000;    // a class costs about a kilobyte, and a few bytes in a file
constexpr uint64_t kManagedDict = 1 << 4;  // Py_TPFLAGS_MANAGED_DICT, Include/object.h since 3.11

// Special methods that inspecting, printing or freeing an object would call. Left out of a rebuilt class unless
// captured code may run, so that Python's own behaviour takes their place.
constexpr const char* kImplicit[] = {
    "__repr__",         "__str__",           "__format__",        "__del__",          "__getattr__",
    "__getattribute__", "__setattr__",       "__delattr__",       "__dir__",          "__class__",
    "__sizeof__",       "__init_subclass__", "__set_name__",      "__reduce__",       "__reduce_ex__",
    "__getstate__",     "__instancecheck__", "__subclasscheck__", "__subclasshook__", "__class_getitem__",
    "__prepare__",      "__mro_entries__",   "__fspath__",
};

// What type objects own: setting it on a class means something else than defining it.
constexpr const char* kOwned[] = {
    "__dict__",          "__weakref__",         "__slots__",
    "__module__",        "__qualname__",        "__name__",
    "__mro__",           "__bases__",           "__base__",
    "__class__",         "__abstractmethods__", "__text_signature__",
    "__basicsize__",     "__itemsize__",        "__flags__",
    "__weakrefoffset__", "__dictoffset__",      "__type_params__",
    "__annotate__",      "__annotate_func__",   "__annotations_cache__",
};

template <size_t kCount>
bool Contains(const char* const (&names)[kCount], PyObject* name) {
  return std::any_of(std::begin(names), std::end(names),
                     [&](const char* each) { return PyUnicode_CompareWithASCIIString(name, each) == 0; });
}

// A base from which an ordinary class statement could derive and whose instances we can make empty.
bool CanBeBase(PyTypeObject* type) { return PyType_HasFeature(type, Py_TPFLAGS_BASETYPE) && type->tp_new != nullptr; }

bool UsableName(PyObject* name) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) PyErr_Clear();
  return text != nullptr && std::char_traits<char>::find(text, static_cast<size_t>(size), '\0') == nullptr;
}

}  // namespace

Ref TypeDict(PyTypeObject* type) {
#if PY_VERSION_HEX >= 0x030c0000
  return Ref(PyType_GetDict(type));
#else
  return Ref::New(type->tp_dict);
#endif
}

PyObject* Loader::NewInstance(PyTypeObject* type) {
  // Written in C: rebuilt classes inherit it as long as their namespaces are empty, and none of the known types written
  // in Python defines __new__.
  if (type->tp_new == nullptr) return PyErr_Format(PyExc_TypeError, "%s cannot be made", type->tp_name);
  return type->tp_new(type, empty_tuple_.get(), nullptr);
}

PyObject* Loader::MakeType(const Object& object) {
  const Type type(object.data);
  Ref key(PyTuple_Pack(2, Name(type.module), Name(type.qualname)));
  PyObject* known = key ? PyDict_GetItem(options_.known_types, key.get()) : nullptr;
  // A class statement can name itself and its module what it likes; builtins do not come from one.
  const bool builtin = PyUnicode_CompareWithASCIIString(Name(type.module), "builtins") == 0;
  const bool other_version =
      source_minor_ != PY_MINOR_VERSION && known != nullptr && PySet_Contains(options_.version_types, known) == 1;
  if (known != nullptr && !(builtin && type.heap) && !other_version) {
    Py_INCREF(known);
    return known;
  }
  return RebuildType(type, ClassOf(object.type));
}

PyObject* Loader::RebuildType(const Type& type, PyTypeObject* metaclass) {
  if (rebuilt_.size() >= kMaxClasses) return NewAbsent("limit", "too many classes", 0).release();
  Ref bases(PyList_New(0));
  if (!bases) return nullptr;
  int depth = 0;
  Py_ssize_t mro = 0;
  bool has_dict = false;
  for (const uint32_t id : type.bases) {
    PyTypeObject* base = ClassOf(id);
    if (base == nullptr || base == &PyBaseObject_Type || !CanBeBase(base)) continue;
    // A metaclass of this interpreter's own would run its __new__.
    if (Py_TYPE(base) != &PyType_Type && !IsRebuilt(Py_TYPE(base))) continue;
    if (PySequence_Contains(bases.get(), reinterpret_cast<PyObject*>(base)) != 0) continue;
    const auto known = type_depth_.find(base);
    depth = std::max(depth, known != type_depth_.end() ? known->second : 1);
    mro += base->tp_mro != nullptr ? PyTuple_GET_SIZE(base->tp_mro) : 0;
    has_dict = has_dict || base->tp_dictoffset != 0 || (base->tp_flags & kManagedDict && PY_VERSION_HEX >= 0x030b0000);
    PyList_Append(bases.get(), reinterpret_cast<PyObject*>(base));
  }
  if (depth > kMaxInheritance || static_cast<size_t>(PyList_GET_SIZE(bases.get())) > kMaxBases || mro > kMaxMro) {
    return NewAbsent("inconsistent", "a class with too many bases", 0).release();
  }
  Ref name_space(PyDict_New());
  if (!name_space) return nullptr;
  // Without one type.__new__ would take the name of the module that runs now.
  PyDict_SetItemString(name_space.get(), "__module__", Name(type.module));
  PyDict_SetItemString(name_space.get(), "__qualname__", Name(type.qualname));
  // Without a __dict__ of its own the class had __slots__, if only empty ones.
  const bool wants_dict = type.dict_offset != 0 || (type.flags & kManagedDict && source_minor_ >= 11) || !type.heap;
  if (!wants_dict || !type.slots.empty()) {
    Ref slots(PyList_New(0));
    for (const uint32_t slot : type.slots) {
      PyObject* name = Name(slot);
      if (PyUnicode_IsIdentifier(name) == 1 && PySequence_Contains(slots.get(), name) == 0 && !Contains(kOwned, name)) {
        PyList_Append(slots.get(), name);
      }
    }
    if (wants_dict && !has_dict) {
      Ref dict(PyUnicode_FromString("__dict__"));
      PyList_Append(slots.get(), dict.get());
    }
    PyDict_SetItemString(name_space.get(), "__slots__", slots.get());
  }
  Ref name = UsableName(Name(type.name)) ? Ref::New(Name(type.name)) : Ref(PyUnicode_FromString("?"));
  if (metaclass == nullptr || !IsRebuilt(metaclass) || !PyType_IsSubtype(metaclass, &PyType_Type)) {
    metaclass = &PyType_Type;
  }
  const auto make = [&](PyObject* of_bases) -> PyObject* {
    Ref tuple(PyList_AsTuple(of_bases));
    Ref args(tuple ? PyTuple_Pack(3, name.get(), tuple.get(), name_space.get()) : nullptr);
    // type.__new__ itself: rebuilt metaclasses and bases have empty namespaces until the end, so that nothing of
    // theirs (__new__, mro, __init_subclass__) is called.
    return args ? PyType_Type.tp_new(metaclass, args.get(), nullptr) : nullptr;
  };
  PyObject* made = make(bases.get());
  if (made == nullptr) {
    // Incompatible layouts or no consistent mro, which real classes do not have: the first base decides.
    if (!Recover()) return nullptr;
    PyDict_DelItemString(name_space.get(), "__slots__");
    PyErr_Clear();
    PyList_SetSlice(bases.get(), 1, PY_SSIZE_T_MAX, nullptr);
    made = make(bases.get());
  }
  if (made == nullptr) {
    if (!Recover()) return nullptr;
    Ref none(PyList_New(0));
    made = make(none.get());
  }
  if (made == nullptr) return nullptr;
  PyTypeObject* cls = reinterpret_cast<PyTypeObject*>(made);
  if (type.module == 0) {
    Ref own_names = TypeDict(cls);
    if (own_names) PyDict_DelItemString(own_names.get(), "__module__");
    PyErr_Clear();
    PyType_Modified(cls);
  }
  rebuilt_.insert(cls);
  type_depth_[cls] = depth + 1;
  return made;
}

void Loader::FillType(PyObject* made, const Type& type) {
  if (!PyType_Check(made) || !IsRebuilt(reinterpret_cast<PyTypeObject*>(made)) || type.dict == 0) return;
  PyObject* dict = Get(type.dict);
  if (!PyDict_Check(dict)) return;
  Ref own_names = TypeDict(reinterpret_cast<PyTypeObject*>(made));
  PyObject* key;
  PyObject* value;
  for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value);) {
    if (!PyUnicode_CheckExact(key)) continue;
    // A __module__ that is no str was not given to the class when it was made.
    const bool odd_module = type.module == 0 && PyUnicode_CompareWithASCIIString(key, "__module__") == 0;
    if (Contains(kOwned, key) && !odd_module) continue;
    if (PyUnicode_CompareWithASCIIString(key, "__doc__") == 0 ||
        PyUnicode_CompareWithASCIIString(key, "__annotations__") == 0) {
      if (!PyUnicode_Check(value) && !PyDict_Check(value)) continue;
    }
    // The descriptors of slots exist already, with our own layout.
    PyObject* own = own_names ? PyDict_GetItem(own_names.get(), key) : nullptr;
    if (own != nullptr && Py_TYPE(own) == &PyMemberDescr_Type) continue;
    Ref plain_hash;
    if (!options_.run_code) {
      if (PyUnicode_CompareWithASCIIString(key, "__repr__") == 0) {
        Ref shows(PyObject_CallFunction(options_.repr_of, "OOI", made, value, source_minor_));
        if (!shows || PyType_Type.tp_setattro(made, key, shows.get()) < 0) PyErr_Clear();
        continue;
      }
      if (Contains(kImplicit, key)) continue;
      if (PyUnicode_CompareWithASCIIString(key, "__hash__") == 0 && value != Py_None) {
        // Instances were keys; without their __hash__ they are keys by identity.
        plain_hash = Ref(PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__hash__"));
        value = plain_hash.get();
      }
    }
    Ref holder = Ref::New(value);
    // type's own setattr updates the slots and runs nothing.
    if (PyType_Type.tp_setattro(made, key, value) < 0) PyErr_Clear();
  }
  Object recorded;
  recorded.Decode(file_.objects[type.dict]);
  if (recorded.kind != ValueKind::kMapping) return;
  if (const uint64_t omitted = Mapping(recorded.data).omitted; omitted != 0) partial_types_.emplace_back(made, omitted);
}

}  // namespace pysnap::replay
