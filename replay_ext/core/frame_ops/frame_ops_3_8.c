/* 3.8 and 3.9: PyFrameObject of Include/frameobject.h (Include/cpython/frameobject.h); f_lasti counts bytes. */
#include "replay_ext/core/frame_ops/frame_ops.h"

PyObject* pysnap_frame_new(PyCodeObject* code, PyObject* globals, PyObject* locals, PyObject* builtins) {
  PyFrameObject* frame = PyFrame_New(PyThreadState_Get(), code, globals, locals);
  if (frame == NULL) return NULL;
  /* With no "__builtins__" PyFrame_New makes up a dict holding only None. */
  pysnap_frame_set_builtins((PyObject*)frame, builtins);
  Py_CLEAR(frame->f_back);
  /* NULL: finished. Anything else makes f_lineno's setter look at a value stack. */
  frame->f_stacktop = NULL;
  frame->f_executing = 0;
  return (PyObject*)frame;
}

void pysnap_frame_set_lasti(PyObject* frame, int offset) {
  ((PyFrameObject*)frame)->f_lasti = offset < 0 ? -1 : offset;
}

void pysnap_frame_set_builtins(PyObject* frame, PyObject* builtins) {
  Py_INCREF(builtins);
  Py_XSETREF(((PyFrameObject*)frame)->f_builtins, builtins);
}

int pysnap_code_slots(PyCodeObject* code) {
  return code->co_nlocals + (int)PyTuple_GET_SIZE(code->co_cellvars) + (int)PyTuple_GET_SIZE(code->co_freevars);
}

int pysnap_code_free_count(PyCodeObject* code) { return (int)PyTuple_GET_SIZE(code->co_freevars); }

int pysnap_code_slot_kind(PyCodeObject* code, int index) {
  if (index < code->co_nlocals) return PYSNAP_SLOT_LOCAL;
  return index < code->co_nlocals + PyTuple_GET_SIZE(code->co_cellvars) ? PYSNAP_SLOT_CELL : PYSNAP_SLOT_FREE;
}

PyObject* pysnap_code_slot_name(PyCodeObject* code, int index) {
  Py_ssize_t at = index;
  if (at < code->co_nlocals) return PyTuple_GetItem(code->co_varnames, at);
  at -= code->co_nlocals;
  if (at < PyTuple_GET_SIZE(code->co_cellvars)) return PyTuple_GetItem(code->co_cellvars, at);
  return PyTuple_GetItem(code->co_freevars, at - PyTuple_GET_SIZE(code->co_cellvars));
}

int pysnap_code_set_kinds(PyCodeObject* code, const char* kinds, Py_ssize_t count) {
  (void)code, (void)kinds, (void)count;
  return 1;
}

int pysnap_slot_needs_cell(int kind) { return (kind & (PYSNAP_SLOT_CELL | PYSNAP_SLOT_FREE)) != 0; }

void pysnap_frame_set_slot(PyObject* frame, int index, PyObject* value) {
  Py_XSETREF(((PyFrameObject*)frame)->f_localsplus[index], value);
}

PyObject* pysnap_frame_get_slot(PyObject* frame, int index) { return ((PyFrameObject*)frame)->f_localsplus[index]; }

void pysnap_frame_set_back(PyObject* frame, PyObject* back) {
  Py_XINCREF(back);
  Py_XSETREF(((PyFrameObject*)frame)->f_back, (PyFrameObject*)back);
}

PyObject* pysnap_frame_get_back(PyObject* frame) { return (PyObject*)((PyFrameObject*)frame)->f_back; }

void pysnap_frame_commit(PyObject* frame) { PyFrame_LocalsToFast((PyFrameObject*)frame, 0); }

void pysnap_generator_suspend(PyObject* generator, const pysnap_suspension* state) {
  PyGenObject* self = (PyGenObject*)generator;
  PyFrameObject* frame = self->gi_frame;
  for (int i = 0; i < state->depth; ++i) frame->f_valuestack[i] = state->stack[i].object;
  frame->f_stacktop = frame->f_valuestack + state->depth;
  for (int i = 0; i < state->block_count; ++i) {
    frame->f_blockstack[i].b_type = state->blocks[i].type;
    frame->f_blockstack[i].b_handler = state->blocks[i].handler < 0 ? -1 : state->blocks[i].handler;
    frame->f_blockstack[i].b_level = state->blocks[i].level;
  }
  frame->f_iblock = state->block_count;
  pysnap_set_handled(&self->gi_exc_state, state->handled);
}
