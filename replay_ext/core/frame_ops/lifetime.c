/* What families have in common: references that an object holds beyond its frame, how it ends, and how a frame that is
   an object (to 3.10) goes on. */
/* Python.h, and what it is told, come first. */
// clang-format off
#define Py_BUILD_CORE 1
#include "replay_ext/core/frame_ops/frame_ops.h"
#if PY_VERSION_HEX < 0x030b0000
#include <frameobject.h>
#endif
#if PY_VERSION_HEX >= 0x03090000
#include <internal/pycore_gc.h>
#endif
// clang-format on

void pysnap_never_finalize(PyObject* object) { _PyGC_SET_FINALIZED(object); }

void pysnap_set_handled(_PyErr_StackItem* item, PyObject* handled) {
  if (handled == NULL) return;
#if PY_VERSION_HEX < 0x030b0000
  Py_INCREF(Py_TYPE(handled));
  Py_XSETREF(item->exc_type, (PyObject*)Py_TYPE(handled));
  PyObject* traceback = PyException_GetTraceback(handled);
  if (traceback == NULL) {
    Py_INCREF(Py_None);
    traceback = Py_None;
  }
  Py_XSETREF(item->exc_traceback, traceback);
#endif
  Py_INCREF(handled);
  Py_XSETREF(item->exc_value, handled);
}

#if PY_VERSION_HEX >= 0x030b0000
int pysnap_code_same_variables(PyCodeObject* code, PyCodeObject* other) {
  if (code == other) return 1;
  if (PyObject_RichCompareBool(code->co_localsplusnames, other->co_localsplusnames, Py_EQ) != 1) {
    PyErr_Clear();
    return 0;
  }
  return pysnap_code_set_kinds(code, PyBytes_AS_STRING(other->co_localspluskinds),
                               PyBytes_GET_SIZE(other->co_localspluskinds));
}
#else
int pysnap_code_same_variables(PyCodeObject* code, PyCodeObject* other) {
  if (code == other) return 1;
  const int slots = pysnap_code_slots(code);
  if (slots != pysnap_code_slots(other) || code->co_nlocals != other->co_nlocals ||
      pysnap_code_free_count(code) != pysnap_code_free_count(other)) {
    return 0;
  }
  for (int i = 0; i < slots; ++i) {
    if (PyUnicode_Compare(pysnap_code_slot_name(code, i), pysnap_code_slot_name(other, i)) != 0) return 0;
  }
  return 1;
}

PyObject* pysnap_frame_continue(PyObject* frame,
                                PyCodeObject* code,
                                const pysnap_suspension* state,
                                int offset,
                                int behind,
                                int raises,
                                PyObject* carrier) {
  (void)behind, (void)raises, (void)carrier;
  PyFrameObject* source = (PyFrameObject*)frame;
  PyObject* locals = (code->co_flags & CO_OPTIMIZED) != 0 ? NULL : source->f_locals;
  PyObject* made = pysnap_frame_new(code, source->f_globals, locals, source->f_builtins);
  if (made == NULL) return NULL;
  for (int i = 0; i < pysnap_code_slots(code); ++i) {
    PyObject* value = pysnap_frame_get_slot(frame, i);
    Py_XINCREF(value);
    pysnap_frame_set_slot(made, i, value);
  }
  pysnap_frame_set_lasti(made, offset);
  PyObject* generator = PyGen_New((PyFrameObject*)made);
  if (generator == NULL) return NULL;
  pysnap_generator_suspend(generator, state);
  return generator;
}
#endif
