// Functions, methods, modules, and stand-ins for what is written in C.
#include <cstddef>

#include "replay_ext/core/loader.h"

namespace pysnap::replay {
namespace {

PyObject** ModuleDictSlot(PyObject* module) {
  // md_dict of PyModuleObject (Objects/moduleobject.c), wherever this version has it.
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(module) + PyModule_Type.tp_dictoffset);
}

void Replace(PyObject** slot, PyObject* value) {
  PyObject* old = *slot;
  Py_XINCREF(value);
  *slot = value;
  Py_XDECREF(old);
}

}  // namespace

PyObject* Loader::MakeFunction(const Object& object) {
  const Function function(object.data);
  PyObject* code = options_.run_code && codes_.count(function.code) != 0 && codes_[function.code].real
                       ? GetIf(function.code, &PyCode_Type)
                       : RefusingCode(function.code);
  if (code == nullptr) return NewAbsent("inconsistent", "a function without code", object.type).release();
  PyObject* globals = GetIf(function.globals, &PyDict_Type);
  Ref own;
  if (globals == nullptr) {
    own = Ref(PyDict_New());
    globals = own.get();
  }
  return globals != nullptr ? PyFunction_New(code, globals) : nullptr;
}

void Loader::FillFunction(PyObject* made, const Object& object) {
  if (!PyFunction_Check(made)) return;
  const Function message(object.data);
  PyFunctionObject* function = reinterpret_cast<PyFunctionObject*>(made);
  const auto set = [](PyObject** slot, PyObject* value) {
    if (value != nullptr) Replace(slot, value);
  };
  set(&function->func_name, GetIf(message.name, &PyUnicode_Type));
  set(&function->func_qualname, GetIf(message.qualname, &PyUnicode_Type));
  if (message.doc != 0) set(&function->func_doc, Get(message.doc));
  if (message.module != 0) set(&function->func_module, Get(message.module));
  set(&function->func_defaults, GetIf(message.defaults, &PyTuple_Type));
  set(&function->func_kwdefaults, GetIf(message.kwdefaults, &PyDict_Type));
  Ref annotations = AnnotationsDict(message.annotations);
  if (message.annotate != 0 && message.annotations == 0) {
#if PY_VERSION_HEX >= 0x030e0000
    // To ask for them says that it would have to be run.
    set(&function->func_annotate, GetIf(message.annotate, &PyFunction_Type));
#else
    annotations = Ref(PyDict_New());
    Ref marker = NewAbsent("unsupported", "a function would have to be run for them", 0);
    Ref key(marker ? PyObject_Repr(marker.get()) : nullptr);
    if (annotations && key) PyDict_SetItem(annotations.get(), key.get(), marker.get());
#endif
  }
  set(&function->func_annotations, annotations.get());
  if (object.dict != 0) set(&function->func_dict, GetIf(object.dict, &PyDict_Type));
  // The closure must be a tuple of as many cells as the code has free variables.
  FillPart(message.closure);
  PyObject* closure = GetIf(message.closure, &PyTuple_Type);
  PyCodeObject* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  const Py_ssize_t frees = pysnap_code_free_count(code);
  if (frees == 0) return;
  Ref cells(PyTuple_New(frees));
  if (!cells) return;
  for (Py_ssize_t i = 0; i < frees; ++i) {
    PyObject* cell = nullptr;
    if (closure != nullptr && i < PyTuple_GET_SIZE(closure)) cell = PyTuple_GET_ITEM(closure, i);
    cell = cell != nullptr && PyCell_Check(cell) ? Ref::New(cell).release() : PyCell_New(nullptr);
    PyTuple_SET_ITEM(cells.get(), i, cell);
  }
  bool whole = closure != nullptr && PyTuple_GET_SIZE(closure) == frees;
  for (Py_ssize_t i = 0; whole && i < frees; ++i) {
    whole = PyTuple_GET_ITEM(closure, i) == PyTuple_GET_ITEM(cells.get(), i);
  }
  Replace(&function->func_closure, whole ? closure : cells.get());
}

// From 3.10 to 3.13 they may be a tuple of names and values, of which the function makes a dict when it is asked
// (func_get_annotation_dict, Objects/funcobject.c).
Ref Loader::AnnotationsDict(uint32_t id) {
  if (GetIf(id, &PyTuple_Type) == nullptr) return Ref::New(GetIf(id, &PyDict_Type));
  // The tuple itself may not be filled yet.
  Object tuple;
  tuple.Decode(file_.objects[id]);
  const Sequence sequence(tuple.data);
  Ref dict(PyDict_New());
  for (size_t i = 0; dict && i + 1 < sequence.items.size(); i += 2) {
    PyObject* name = Get(sequence.items[i]);
    if (!PyUnicode_CheckExact(name)) return Ref();
    PyDict_SetItem(dict.get(), name, Get(sequence.items[i + 1]));
  }
  return dict;
}

PyObject* Loader::MakeMethod(const Object& object) {
  const Method method(object.data);
  return PyMethod_New(Get(method.function), Get(method.self));
}

PyObject* Loader::MakeBuiltinFunction(const Object& object) {
  const BuiltinFunction function(object.data);
  PyObject* name = Name(function.name);
  PyTypeObject* owner = ClassOf(function.objclass);
  if (owner != nullptr) {
    // A slot wrapper, method or member descriptor of a type that is the interpreter's own, or of a slot of a rebuilt
    // one.
    Ref names = TypeDict(owner);
    PyObject* own = names ? PyDict_GetItem(names.get(), name) : nullptr;
    if (own != nullptr && IsRebuilt(owner) && Py_TYPE(own) != &PyMemberDescr_Type) own = nullptr;
    PyObject* bound_to = function.self != 0 ? Get(function.self) : nullptr;
    if (own != nullptr && bound_to != nullptr && Py_TYPE(own) == &PyWrapperDescr_Type &&
        PyObject_TypeCheck(bound_to, owner)) {
      return PyWrapper_New(own, bound_to);
    }
    if (own != nullptr) {
      Py_INCREF(own);
      return own;
    }
  }
  PyObject* self = function.self != 0 ? Get(function.self) : nullptr;
  PyObject* module = function.module != 0 ? Get(function.module) : self;
  Ref module_name;
  if (module != nullptr) {
    module_name = PyModule_Check(module)    ? Ref(PyModule_GetNameObject(module))
                  : PyUnicode_Check(module) ? Ref::New(module)
                                            : Ref();
    PyErr_Clear();
    Ref key(module_name ? PyTuple_Pack(2, module_name.get(), name) : nullptr);
    PyObject* known = key ? PyDict_GetItem(options_.known_functions, key.get()) : nullptr;
    if (known != nullptr) {
      Py_INCREF(known);
      return known;
    }
  }
  if (self != nullptr && !PyModule_Check(self)) {
    // A bound method of a builtin value: [].append.
    PyTypeObject* type = PyType_Check(self) ? reinterpret_cast<PyTypeObject*>(self) : Py_TYPE(self);
    Ref names = TypeDict(type);
    if (!IsRebuilt(type) && names && reinterpret_cast<PyObject*>(type) != options_.absent &&
        PyDict_GetItem(names.get(), name) != nullptr) {
      Ref bound(PyType_Check(self) ? PyType_Type.tp_getattro(self, name) : PyObject_GenericGetAttr(self, name));
      if (bound && PyCFunction_Check(bound.get())) return bound.release();
      PyErr_Clear();
    }
  }
  return PyObject_CallFunctionObjArgs(options_.builtin_function, name, self != nullptr ? self : Py_None,
                                      owner != nullptr ? reinterpret_cast<PyObject*>(owner) : Py_None,
                                      module_name ? module_name.get() : Py_None, nullptr);
}

PyObject* Loader::MakeModule(const Object& object, PyTypeObject* type) {
  const Module module(object.data);
  PyObject* name = GetIf(module.name, &PyUnicode_Type);
  if (name != nullptr && PyUnicode_CompareWithASCIIString(name, "builtins") == 0) {
    if (module.dict != 0) real_namespaces_.insert(module.dict);
    Py_INCREF(builtins_.get());
    return builtins_.get();
  }
  PyObject* made = type != nullptr && IsRebuilt(type) && PyType_IsSubtype(type, &PyModule_Type)
                       ? NewInstance(type)
                       : PyModule_NewObject(name != nullptr ? name : empty_str_.get());
  if (made == nullptr) return nullptr;
  PyObject* dict = GetIf(module.dict, &PyDict_Type);
  if (dict != nullptr) {
    globals_.insert(dict);
    Replace(ModuleDictSlot(made), dict);
  }
  return made;
}

}  // namespace pysnap::replay
