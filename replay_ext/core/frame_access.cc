#include "replay_ext/core/frame_access.h"

#include <vector>

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

PyObject* Continuation(PyObject*, PyObject* args) {
  PyObject *frame, *code, *stack, *blocks, *handled, *carrier;
  int offset, behind, raises;
  if (!PyArg_ParseTuple(args, "O!O!O!O!iiOpO", &PyFrame_Type, &frame, &PyCode_Type, &code, &PyList_Type, &stack,
                        &PyList_Type, &blocks, &offset, &behind, &handled, &raises, &carrier)) {
    return nullptr;
  }
  Ref own = CodeObject(frame);
  Ref bytes(own ? PyObject_GetAttrString(code, "co_code") : nullptr);
  if (!bytes) return nullptr;
  PyCodeObject* object = reinterpret_cast<PyCodeObject*>(code);
  if (!pysnap_code_same_variables(object, reinterpret_cast<PyCodeObject*>(own.get()))) {
    return PyErr_Format(PyExc_ValueError, "code of other variables");
  }
  const Py_ssize_t size = PyBytes_GET_SIZE(bytes.get());
  const Py_ssize_t depth = PyList_GET_SIZE(stack);
  // One more is for the result.
  if (depth >= object->co_stacksize || PyList_GET_SIZE(blocks) > CO_MAXBLOCKS || offset < 0 || behind <= offset ||
      behind >= size || (offset | behind) % 2 != 0) {
    return PyErr_Format(PyExc_ValueError, "a stack or a place that the frame has not");
  }
  std::vector<pysnap_block> block_items;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(blocks); ++i) {
    pysnap_block block;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(blocks, i), "iii", &block.type, &block.handler, &block.level)) return nullptr;
    if (block.handler >= size || block.level < 0 || block.level > depth) {
      return PyErr_Format(PyExc_ValueError, "a block outside of the frame");
    }
    block_items.push_back(block);
  }
  std::vector<pysnap_stack_item> items;
  for (Py_ssize_t i = 0; i < depth; ++i) {
    PyObject* item = PyList_GET_ITEM(stack, i);
    if (PyTuple_Check(item) && PyTuple_GET_SIZE(item) == 1) {
      items.push_back({PyTuple_GET_ITEM(item, 0), 0, 0});
    } else if (item == Py_None) {
      items.push_back({nullptr, 0, 0});
    } else {
      const long long number = PyLong_AsLongLong(item);
      if (number == -1 && PyErr_Occurred()) return nullptr;
      items.push_back({nullptr, 1, number});
    }
  }
  if (carrier == Py_None) carrier = nullptr;
#if PY_VERSION_HEX >= 0x030b0000
  if (carrier == nullptr || !PyGen_CheckExact(carrier)) return PyErr_Format(PyExc_TypeError, "a generator is needed");
  Ref room(PyObject_GetAttrString(carrier, "gi_code"));
  if (!room) return nullptr;
  const PyCodeObject* carried = reinterpret_cast<PyCodeObject*>(room.get());
  if (carried->co_nlocalsplus != 0 || carried->co_stacksize < object->co_nlocalsplus + object->co_stacksize) {
    return PyErr_Format(PyExc_ValueError, "the generator has no room for the frame");
  }
#endif
  for (const pysnap_stack_item& item : items) Py_XINCREF(item.object);
  pysnap_suspension state{};
  state.stack = items.data();
  state.depth = static_cast<int>(depth);
  state.blocks = block_items.data();
  state.block_count = static_cast<int>(block_items.size());
  state.handled = PyExceptionInstance_Check(handled) ? handled : nullptr;
  Py_XINCREF(carrier);
  PyObject* made = pysnap_frame_continue(frame, object, &state, offset, behind, raises, carrier);
  if (made != nullptr) pysnap_never_finalize(made);
  return made;
}

PyObject* UnsetVariable(PyObject*, PyObject* args) {
  PyObject* frame;
  PyObject* name;
  if (!PyArg_ParseTuple(args, "OU", &frame, &name) || !Assign(frame, name, nullptr)) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace pysnap::replay
