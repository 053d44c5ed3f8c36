// pysnap._core: the extension module.
#include <cerrno>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "replay_ext/core/frame_access.h"
#include "replay_ext/core/loader.h"

namespace pysnap::replay {
namespace {

// load(path, hooks, run_code) -> dict. Raises OSError, hooks["damaged"] (the exception class), or MemoryError.
PyObject* Load(PyObject*, PyObject* args) {
  PyObject* path = nullptr;
  PyObject* hooks = nullptr;
  int run_code = 0;
  if (!PyArg_ParseTuple(args, "O&O!p", PyUnicode_FSConverter, &path, &PyDict_Type, &hooks, &run_code)) return nullptr;
  Ref path_holder(path);
  LoadOptions options;
  options.run_code = run_code != 0;
  PyObject* damaged = PyDict_GetItemString(hooks, "damaged");
  const struct {
    const char* name;
    PyObject** slot;
  } wanted[] = {
      {"absent", &options.absent},
      {"refused", &options.refused},
      {"foreign", &options.foreign},
      {"suspended", &options.suspended},
      {"closed", &options.closed},
      {"not_iterator", &options.not_iterator},
      {"builtin_function", &options.builtin_function},
      {"known_types", &options.known_types},
      {"plain_types", &options.plain_types},
      {"repr_of", &options.repr_of},
      {"version_types", &options.version_types},
      {"known_functions", &options.known_functions},
      {"part_builders", &options.part_builders},
      {"keeping_types", &options.keeping_types},
      {"stand_ins", &options.stand_ins},
      {"imported", &options.imported},
  };
  for (const auto& each : wanted) {
    *each.slot = PyDict_GetItemString(hooks, each.name);
    if (*each.slot == nullptr) return PyErr_Format(PyExc_TypeError, "hooks lack %s", each.name);
  }
  if (damaged == nullptr || !PyType_Check(options.absent) || !PyType_Check(options.suspended) ||
      !PyDict_Check(options.known_types) || !PyDict_Check(options.known_functions) ||
      !PyDict_Check(options.part_builders) || !PySet_Check(options.plain_types) ||
      !PySet_Check(options.version_types) || !PySet_Check(options.keeping_types) || !PyDict_Check(options.stand_ins) ||
      !PyDict_Check(options.imported)) {
    PyErr_SetString(PyExc_TypeError, "hooks of the wrong types");
    return nullptr;
  }
  try {
    const auto file = std::make_unique<SnapshotFile>();
    std::string error;
    int number = 0;
    bool ok = false;
    Py_BEGIN_ALLOW_THREADS;
    ok = file->Read(PyBytes_AS_STRING(path), &error, &number);
    Py_END_ALLOW_THREADS;
    if (!ok && number != 0) {
      errno = number;
      return PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(path));
    }
    if (!ok) {
      PyErr_SetString(damaged, error.c_str());
      return nullptr;
    }
    Loader loader(*file, options);
    return loader.Load().release();
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  } catch (const std::exception& problem) {
    PyErr_SetString(damaged, problem.what());
    return nullptr;
  }
}

// take_builtins(functions): from 3.10 on functions keep the builtins that their globals named when they were made.
PyObject* TakeBuiltins(PyObject*, PyObject* functions) {
  if (!PyList_Check(functions)) return PyErr_Format(PyExc_TypeError, "a list is needed");
#if PY_VERSION_HEX >= 0x030a0000
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(functions); ++i) {
    PyObject* each = PyList_GET_ITEM(functions, i);
    if (!PyFunction_Check(each)) continue;
    PyFunctionObject* function = reinterpret_cast<PyFunctionObject*>(each);
    PyObject* named = PyDict_GetItemString(function->func_globals, "__builtins__");
    if (named == nullptr || !PyDict_Check(named)) continue;
    Py_INCREF(named);
    Py_XSETREF(function->func_builtins, named);
  }
#endif
  Py_RETURN_NONE;
}

PyMethodDef kMethods[] = {
    {"load", Load, METH_VARARGS, "load(path, hooks, run_code): rebuild a snapshot's objects and frames."},
    {"commit", Commit, METH_O, "commit(frame): write what was assigned to frame.f_locals into the frame."},
    {"take_builtins", TakeBuiltins, METH_O, "take_builtins(functions): those that their globals name as a dict."},
    {"closure", Closure, METH_O, "closure(frame): the cells of its free variables, in the order of co_freevars."},
    {"set_variable", SetVariable, METH_VARARGS, "set_variable(frame, name, value): bind a variable, or its cell."},
    {"continuation", Continuation, METH_VARARGS, "continuation(…): a generator that goes on where a frame stands."},
    {"unset_variable", UnsetVariable, METH_VARARGS, "unset_variable(frame, name): unbind a variable, or its cell."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef kModule = {
    PyModuleDef_HEAD_INIT,
    "_core",
    "Rebuilds Python objects and frames from a snapshot.",
    -1,
    kMethods,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace
}  // namespace pysnap::replay

// 3.8's PyMODINIT_FUNC does not make it visible.
extern "C" __attribute__((visibility("default"))) PyObject* PyInit__core();
extern "C" PyObject* PyInit__core() { return PyModule_Create(&pysnap::replay::kModule); }
