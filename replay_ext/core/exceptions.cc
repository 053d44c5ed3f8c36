// Exceptions, without running any __init__.
#include "replay_ext/core/loader.h"

namespace pysnap::replay {
namespace {

bool IsGroup(PyTypeObject* type) {
#if PY_VERSION_HEX >= 0x030b0000
  return PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup));
#else
  (void)type;
  return false;
#endif
}

}  // namespace

PyObject* Loader::MakeException(const Object& object, PyTypeObject* type) {
  PyTypeObject* base = reinterpret_cast<PyTypeObject*>(PyExc_BaseException);
  if (type == nullptr || !PyType_IsSubtype(type, base)) {
    return NewAbsent("inconsistent", "an exception of a type that is none", object.type).release();
  }
  if (!IsGroup(type)) return NewInstance(type);
  // A group cannot be made empty. With a bare BaseException inside, BaseExceptionGroup does not become ExceptionGroup.
  const bool plain = PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(PyExc_Exception));
  Ref inner(PyObject_CallObject(plain ? PyExc_Exception : PyExc_BaseException, nullptr));
  Ref args(inner ? Py_BuildValue("(s[O])", "", inner.get()) : nullptr);
  return args ? type->tp_new(type, args.get(), nullptr) : nullptr;
}

void Loader::FillException(PyObject* made, const Object& object) {
  if (!PyExceptionInstance_Check(made)) return;
  const Exception message(object.data);
  PyBaseExceptionObject* exception = reinterpret_cast<PyBaseExceptionObject*>(made);
  if (PyObject* args = GetIf(message.args, &PyTuple_Type)) {
    Py_INCREF(args);
    Py_XSETREF(exception->args, args);
  }
  const auto field = [&](const char* name, uint32_t id) {
    if (id != 0) PyObject_SetAttrString(made, name, Get(id));
    PyErr_Clear();
  };
#if PY_VERSION_HEX >= 0x030b0000
  if (IsGroup(Py_TYPE(made))) {
    PyBaseExceptionGroupObject* group = reinterpret_cast<PyBaseExceptionGroupObject*>(made);
    if (PyObject* text = GetIf(message.message, &PyUnicode_Type)) {
      Py_INCREF(text);
      Py_XSETREF(group->msg, text);
    }
    if (PyObject* excs = GetIf(message.exceptions, &PyTuple_Type)) {
      Py_INCREF(excs);
      Py_XSETREF(group->excs, excs);
    }
  }
#endif
  for (const Attribute& attribute : message.fields) {
    // An empty field reads as None, and is not the same to OSError.__str__ (Objects/exceptions.c).
    if (Get(attribute.value) == Py_None) continue;
    PyObject_GenericSetAttr(made, Name(attribute.name), Get(attribute.value));
    PyErr_Clear();
  }
  if (!IsGroup(Py_TYPE(made))) {
    const auto plain = [&](const char* name, uint32_t id) {
      if (id == 0) return;
      Ref key(PyUnicode_InternFromString(name));
      PyObject_GenericSetAttr(made, key.get(), Get(id));
      PyErr_Clear();
    };
    plain("message", message.message);
    plain("exceptions", message.exceptions);
  }
  if (PyObject* cause = GetIf(message.cause, reinterpret_cast<PyTypeObject*>(PyExc_BaseException))) {
    Py_INCREF(cause);
    Py_XSETREF(exception->cause, cause);
  }
  if (PyObject* context = GetIf(message.context, reinterpret_cast<PyTypeObject*>(PyExc_BaseException))) {
    if (context != made) {
      Py_INCREF(context);
      Py_XSETREF(exception->context, context);
    }
  }
  exception->suppress_context = message.suppress_context;
  if (PyObject* traceback = GetIf(message.traceback, &PyTraceBack_Type)) {
    Py_INCREF(traceback);
    Py_XSETREF(exception->traceback, traceback);
  }
  if (message.notes != 0) field("__notes__", message.notes);
}

}  // namespace pysnap::replay
