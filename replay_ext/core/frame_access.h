// What the Python side does with the variables of a rebuilt frame. All raise Python exceptions.
#ifndef PYSNAP_REPLAY_FRAME_ACCESS_H_
#define PYSNAP_REPLAY_FRAME_ACCESS_H_

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace pysnap::replay {

// commit(frame): see pysnap_frame_commit.
PyObject* Commit(PyObject* module, PyObject* frame);

// closure(frame) -> the cells of its free variables, a tuple in the order of co_freevars.
PyObject* Closure(PyObject* module, PyObject* frame);

// set_variable(frame, name, value): binds a variable of the frame's code; a cell's contents where it has one, so that
// functions that share it see the value. KeyError when the code has no such variable.
PyObject* SetVariable(PyObject* module, PyObject* args);

// unset_variable(frame, name): the same for `del name`.
PyObject* UnsetVariable(PyObject* module, PyObject* args);

// continuation(frame, code, stack, blocks, offset, behind, handled, raises, carrier) -> a generator, see
// pysnap_frame_continue. `code`: what it goes on with, the frame's own or one that replaces it. `stack`: a list with a
// tuple of one object, None for NULL, or an int for a number of the interpreter's own for each entry. `blocks`: a list
// of (type, handler, level). `handled`: an exception, or None. ValueError for what the frame has no room for. The
// caller has verified that the frame's code can go on with it.
PyObject* Continuation(PyObject* module, PyObject* args);

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_FRAME_ACCESS_H_
