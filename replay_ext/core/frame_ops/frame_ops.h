/* What differs between CPython versions in filling a frame object that never ran. One file per family of versions
 * implements all of it; CMakeLists.txt chooses the file.
 *
 * A frame is made by PyFrame_New and then looks as if it had stopped at an instruction: it can be inspected like one
 * that an exception left, and is never executed. */
#ifndef PYSNAP_REPLAY_FRAME_OPS_H_
#define PYSNAP_REPLAY_FRAME_OPS_H_

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A new frame of `code`, without locals, at its first instruction and without f_back. `globals` is a real dict that has
 * no "__builtins__" yet (so that PyFrame_New takes the interpreter's own). `locals`: the namespace of a class body or
 * module, NULL for a function. NULL with an exception set on failure. */
PyObject* pysnap_frame_new(PyCodeObject* code, PyObject* globals, PyObject* locals, PyObject* builtins);

/* `offset`: of the last instruction, in bytes; even, within the code, or negative for one that did not start. */
void pysnap_frame_set_lasti(PyObject* frame, int offset);

/* Up to 3.9: replaces f_builtins, which a generator's frame has found in its globals. Later its function has them. */
void pysnap_frame_set_builtins(PyObject* frame, PyObject* builtins);

/* Fast locals, cells and free variables, in one numbering. */
int pysnap_code_slots(PyCodeObject* code);

int pysnap_code_free_count(PyCodeObject* code);

/* As co_localspluskinds has it since 3.11 (Include/internal/pycore_code.h). */
enum { PYSNAP_SLOT_HIDDEN = 0x10, PYSNAP_SLOT_LOCAL = 0x20, PYSNAP_SLOT_CELL = 0x40, PYSNAP_SLOT_FREE = 0x80 };
int pysnap_code_slot_kind(PyCodeObject* code, int index);

/* Borrowed. */
PyObject* pysnap_code_slot_name(PyCodeObject* code, int index);

/* Gives a new code object the captured kinds, of which its constructor loses the finer bits. False, and nothing is
 * changed, when they contradict the code's own. Nothing to do before 3.11. */
int pysnap_code_set_kinds(PyCodeObject* code, const char* kinds, Py_ssize_t count);

/* Whether a slot of this kind must hold a cell whenever a frame is inspected. */
int pysnap_slot_needs_cell(int kind);

/* Steals `value`; `index` is in [0, pysnap_code_slots). */
void pysnap_frame_set_slot(PyObject* frame, int index, PyObject* value);

/* Borrowed; NULL when unset. */
PyObject* pysnap_frame_get_slot(PyObject* frame, int index);

/* Replaces f_back; `back` may be NULL. */
void pysnap_frame_set_back(PyObject* frame, PyObject* back);

/* Borrowed f_back as set above, without asking for frames that run; NULL if there is none. */
PyObject* pysnap_frame_get_back(PyObject* frame);

/* An entry of the evaluation stack: an object (owned; NULL for an empty one), or from 3.14 on an integer of the
 * interpreter's own. */
typedef struct {
  PyObject* object;
  int is_number;
  long long number;
} pysnap_stack_item;

/* PyTryBlock, up to 3.10. `handler`: bytes of bytecode, negative for none. */
typedef struct {
  int type;
  int handler;
  int level;
} pysnap_block;

/* What a suspended generator, coroutine or async generator has besides its variables and its place in the code. */
typedef struct {
  pysnap_stack_item* stack;
  int depth; /* in [0, co_stacksize] */
  const pysnap_block* blocks;
  int block_count;   /* in [0, CO_MAXBLOCKS] */
  PyObject* handled; /* the exception that it handles (borrowed), or NULL */
  int delegates;     /* in `yield from` or `await`: the object is on the stack */
} pysnap_suspension;

/* Puts an exception (borrowed; NULL for none) where a thread or a generator keeps the one that it handles. */
void pysnap_set_handled(_PyErr_StackItem* item, PyObject* handled);

/* Makes a generator that has not started (its function was just called, its variables and its place in the code were
 * set) a suspended one. Takes the stack's references. */
void pysnap_generator_suspend(PyObject* generator, const pysnap_suspension* state);

/* Whether two code objects have the same variables, in the same order. From 3.11 on `code` then gets the kinds of
 * `other`, which its constructor loses. Both are left alone when not. */
int pysnap_code_same_variables(PyCodeObject* code, PyCodeObject* other);

/* A generator that goes on with `code`, whose variables are those of the frame's code, where a frame stands: within the
 * instruction at `offset`, behind which comes `behind` (both bytes). What is sent to it is what the instruction gives;
 * with `raises` an exception that is thrown into it comes from there. The frame is not changed. Takes the stack's
 * references. From 3.11 on `carrier` (its reference is taken) becomes that generator: one that has not started, without
 * variables, and with room on its stack for all variables and the stack of the frame. Up to 3.10 it is NULL. A new
 * reference, or NULL with an exception set. */
PyObject* pysnap_frame_continue(PyObject* frame,
                                PyCodeObject* code,
                                const pysnap_suspension* state,
                                int offset,
                                int behind,
                                int raises,
                                PyObject* carrier);

/* Nothing of an object runs when it goes: neither its __del__ nor, of a generator that was not closed, its code. The
 * object is of a type that the garbage collector knows (PyObject_IS_GC). */
void pysnap_never_finalize(PyObject* object);

/* Writes f_locals, where it is a copy, back to the frame: what a debugger assigned sticks. */
void pysnap_frame_commit(PyObject* frame);

#ifdef __cplusplus
}
#endif

#endif /* PYSNAP_REPLAY_FRAME_OPS_H_ */
