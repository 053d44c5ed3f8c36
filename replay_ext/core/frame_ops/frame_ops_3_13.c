/* 3.13: as 3.11, but instr_ptr is the instruction being executed, and f_locals writes through to the frame. */
/* Python.h, and what it is told, come first. */
// clang-format off
#define Py_BUILD_CORE 1
#include "replay_ext/core/frame_ops/frame_ops.h"
#include <internal/pycore_frame.h>
// clang-format on

static _PyInterpreterFrame* Inner(PyObject* frame) { return ((PyFrameObject*)frame)->f_frame; }

PyObject* pysnap_frame_new(PyCodeObject* code, PyObject* globals, PyObject* locals, PyObject* builtins) {
  (void)builtins; /* PyFrame_New found them, and its function keeps them alive */
  PyFrameObject* frame = PyFrame_New(PyThreadState_Get(), code, globals, locals);
  if (frame == NULL) return NULL;
  frame->f_frame->stacktop = code->co_nlocalsplus;
  return (PyObject*)frame;
}

void pysnap_frame_set_lasti(PyObject* frame, int offset) {
  PyCodeObject* code = _PyFrame_GetCode(Inner(frame));
  /* Before the first traceable instruction a frame counts as incomplete: it would have no line. */
  int unit = offset < 0 ? 0 : offset / 2;
  if (unit < code->_co_firsttraceable) unit = code->_co_firsttraceable;
  Inner(frame)->instr_ptr = _PyCode_CODE(code) + unit;
}

void pysnap_frame_set_builtins(PyObject* frame, PyObject* builtins) { (void)frame, (void)builtins; }

int pysnap_code_slots(PyCodeObject* code) { return code->co_nlocalsplus; }

int pysnap_code_free_count(PyCodeObject* code) { return code->co_nfreevars; }

int pysnap_code_slot_kind(PyCodeObject* code, int index) {
  return (unsigned char)PyBytes_AS_STRING(code->co_localspluskinds)[index];
}

PyObject* pysnap_code_slot_name(PyCodeObject* code, int index) {
  return PyTuple_GET_ITEM(code->co_localsplusnames, index);
}

int pysnap_code_set_kinds(PyCodeObject* code, const char* kinds, Py_ssize_t count) {
  const int mask = PYSNAP_SLOT_LOCAL | PYSNAP_SLOT_CELL | PYSNAP_SLOT_FREE;
  if (count != code->co_nlocalsplus) return 0;
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    if (((unsigned char)kinds[i] & mask) != (pysnap_code_slot_kind(code, i) & mask)) return 0;
  }
  PyObject* bytes = PyBytes_FromStringAndSize(kinds, count);
  if (bytes == NULL) {
    PyErr_Clear();
    return 0;
  }
  Py_SETREF(code->co_localspluskinds, bytes);
  return 1;
}

/* A cell variable's slot can hold a plain value, that of an inlined comprehension's variable of the same name;
 * but 3.13.0 takes whatever it finds there for a cell (Objects/frameobject.c: framelocalsproxy_getval). */
int pysnap_slot_needs_cell(int kind) { return (kind & (PYSNAP_SLOT_CELL | PYSNAP_SLOT_FREE)) != 0; }

void pysnap_frame_set_slot(PyObject* frame, int index, PyObject* value) {
  Py_XSETREF(Inner(frame)->localsplus[index], value);
}

PyObject* pysnap_frame_get_slot(PyObject* frame, int index) { return Inner(frame)->localsplus[index]; }

void pysnap_frame_set_back(PyObject* frame, PyObject* back) {
  Py_XINCREF(back);
  Py_XSETREF(((PyFrameObject*)frame)->f_back, (PyFrameObject*)back);
}

PyObject* pysnap_frame_get_back(PyObject* frame) { return (PyObject*)((PyFrameObject*)frame)->f_back; }

void pysnap_frame_commit(PyObject* frame) { (void)frame; }

void pysnap_generator_suspend(PyObject* generator, const pysnap_suspension* state) {
  PyGenObject* self = (PyGenObject*)generator;
  _PyInterpreterFrame* frame = (_PyInterpreterFrame*)self->gi_iframe;
  const int locals = _PyFrame_GetCode(frame)->co_nlocalsplus;
  for (int i = 0; i < state->depth; ++i) frame->localsplus[locals + i] = state->stack[i].object;
  frame->stacktop = locals + state->depth;
  self->gi_frame_state = state->delegates ? FRAME_SUSPENDED_YIELD_FROM : FRAME_SUSPENDED;
  pysnap_set_handled(&self->gi_exc_state, state->handled);
}

PyObject* pysnap_frame_continue(PyObject* frame,
                                PyCodeObject* code,
                                const pysnap_suspension* state,
                                int offset,
                                int behind,
                                int raises,
                                PyObject* carrier) {
  const _PyInterpreterFrame* source = Inner(frame);
  _PyInterpreterFrame* made = (_PyInterpreterFrame*)((PyGenObject*)carrier)->gi_iframe;
  Py_INCREF(source->f_funcobj);
  Py_SETREF(made->f_funcobj, source->f_funcobj);
  Py_INCREF(code);
  Py_SETREF(made->f_executable, (PyObject*)code);
  Py_XINCREF(source->f_locals);
  Py_XSETREF(made->f_locals, source->f_locals);
  made->f_globals = source->f_globals;
  made->f_builtins = source->f_builtins;
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    Py_XINCREF(source->localsplus[i]);
    made->localsplus[i] = source->localsplus[i];
  }
  /* An exception is looked up for the instruction before instr_ptr; behind the last of its caches that is another
   * line's. */
  const int from = raises && behind > offset + 2 ? offset + 2 : behind;
  made->instr_ptr = _PyCode_CODE(code) + from / 2;
  pysnap_generator_suspend(carrier, state);
  return carrier;
}
