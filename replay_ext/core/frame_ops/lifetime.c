/* What all families have in common: references that an object holds beyond its frame, and how it ends. */
/* Python.h, and what it is told, come first. */
// clang-format off
#define Py_BUILD_CORE 1
#include "replay_ext/core/frame_ops/frame_ops.h"
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
