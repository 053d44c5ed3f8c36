#include "replay_ext/core/frame_access.h"

#include "replay_ext/core/frame_ops/frame_ops.h"
#include "replay_ext/core/py_ref.h"

namespace pysnap::replay {
namespace {

Ref CodeObject(PyObject* frame) {
  if (!PyFrame_Check(frame)) {
    PyErr_SetString(PyExc_TypeError, "a frame is needed");
    return Ref();
  }
  return Ref(PyObject_GetAttrString(frame, "f_code"));
}

// The slot of a variable; negative with KeyError set. A celled argument has two up to 3.10: the cell's counts.
int FindSlot(PyObject* frame, PyCodeObject* code, PyObject* name) {
  int found = -1;
  for (int i = 0; i < pysnap_code_slots(code); ++i) {
    if (PyUnicode_Compare(pysnap_code_slot_name(code, i), name) != 0) continue;
    found = i;
    PyObject* held = pysnap_frame_get_slot(frame, i);
    if (held != nullptr && PyCell_Check(held)) break;
  }
  if (found < 0 && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, name);
  return found;
}

bool Assign(PyObject* frame, PyObject* name, PyObject* value) {
  Ref code = CodeObject(frame);
  if (!code) return false;
  PyCodeObject* object = reinterpret_cast<PyCodeObject*>(code.get());
  const int slot = FindSlot(frame, object, name);
  if (slot < 0) return false;
  const bool shared = (pysnap_code_slot_kind(object, slot) & (PYSNAP_SLOT_CELL | PYSNAP_SLOT_FREE)) != 0;
  PyObject* held = pysnap_frame_get_slot(frame, slot);
  if (shared && held != nullptr && PyCell_Check(held)) return PyCell_Set(held, value) == 0;
  Py_XINCREF(value);
  pysnap_frame_set_slot(frame, slot, value);
  return true;
}

}  // namespace

PyObject* Commit(PyObject*, PyObject* frame) {
  if (!CodeObject(frame)) return nullptr;
  pysnap_frame_commit(frame);
  if (PyErr_Occurred()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* Closure(PyObject*, PyObject* frame) {
  Ref code = CodeObject(frame);
  if (!code) return nullptr;
  PyCodeObject* object = reinterpret_cast<PyCodeObject*>(code.get());
  Ref cells(PyTuple_New(pysnap_code_free_count(object)));
  if (!cells) return nullptr;
  // Free variables are the last ones, in every version.
  const int first = pysnap_code_slots(object) - static_cast<int>(PyTuple_GET_SIZE(cells.get()));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cells.get()); ++i) {
    PyObject* held = pysnap_frame_get_slot(frame, first + static_cast<int>(i));
    Ref cell = held != nullptr && PyCell_Check(held) ? Ref::New(held) : Ref(PyCell_New(held));
    if (!cell) return nullptr;
    PyTuple_SET_ITEM(cells.get(), i, cell.release());
  }
  return cells.release();
}

PyObject* SetVariable(PyObject*, PyObject* args) {
  PyObject* frame;
  PyObject* name;
  PyObject* value;
  if (!PyArg_ParseTuple(args, "OUO", &frame, &name, &value) || !Assign(frame, name, value)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* UnsetVariable(PyObject*, PyObject* args) {
  PyObject* frame;
  PyObject* name;
  if (!PyArg_ParseTuple(args, "OU", &frame, &name) || !Assign(frame, name, nullptr)) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace pysnap::replay
