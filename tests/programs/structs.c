// An extension whose types say nothing of what their structs hold.
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
typedef struct {
  double x, y;
} Point;
typedef struct node {
  struct node *next;
  PyObject *value;
} Node;
typedef struct {
  PyObject_HEAD int32_t count;
  uint16_t port;
  bool open;
  char tag[5];
  double ratio;
  Point where;
  PyObject *label;
  PyObject *pair[2];
  Node *first;
  const char *unit;
  enum { RED, GREEN } color;
  enum { LARGE = 0xF0000000u } large;
  union {
    int i;
    float f;
  } either;
  PyObject *api_token;
} Thing;
typedef struct {
  Thing base;
  int64_t extra;
} SubThing;
typedef struct {
  PyObject_HEAD unsigned low : 3;
  unsigned high : 5;
  PyObject *held;
} Bits;
// Of the size of another one, and nothing says which it is.
typedef struct {
  PyObject_HEAD int64_t secret_less;
  PyObject *held;
} Other;
static PyObject *Thing_get(Thing *self, PyObject *unused) { return PyLong_FromLong(self->count); }
static int Thing_init(PyObject *op, PyObject *args, PyObject *kw) {
  Thing *self = (Thing *)op;
  self->count = -7;
  self->port = 8080;
  self->open = true;
  memcpy(self->tag, "ab\0c", 5);
  self->ratio = 2.5;
  self->where.x = 1;
  self->where.y = -1;
  self->unit = "mm";
  self->color = GREEN;
  self->large = LARGE;
  self->either.i = 3;
  PyObject *label;
  if (!PyArg_ParseTuple(args, "O", &label)) return -1;
  Py_INCREF(label);
  self->label = label;
  Py_INCREF(label);
  self->pair[1] = label;
  Py_INCREF(label);
  self->api_token = label;
  return 0;
}
static int Sub_init(SubThing *self, PyObject *args, PyObject *kw) {
  self->extra = 1LL << 40;
  return Thing_init((PyObject *)self, args, kw);
}
static PyObject *Bits_get(Bits *self, PyObject *u) { return PyLong_FromLong(self->low); }
static PyObject *Other_get(PyObject *op, PyObject *u) { return PyLong_FromSsize_t(((Other *)op)->secret_less); }
// As Cython writes one.
struct __pyx_obj_Cell {
  PyObject_HEAD PyObject *held;
  double level;
};
static void __pyx_tp_dealloc_Cell(PyObject *o) {
  struct __pyx_obj_Cell *p = (struct __pyx_obj_Cell *)o;
  Py_CLEAR(p->held);
  (*Py_TYPE(o)->tp_free)(o);
}
static PyObject *__pyx_tp_new_Cell(PyTypeObject *t, PyObject *a, PyObject *k) {
  PyObject *o = t->tp_alloc(t, 0);
  struct __pyx_obj_Cell *p = (struct __pyx_obj_Cell *)o;
  if (o) {
    p->level = 0.5;
    p->held = PyUnicode_FromString("held");
  }
  return o;
}
static PyMethodDef thing_methods[] = {{"get", (PyCFunction)Thing_get, METH_NOARGS, 0}, {0}};
static PyMethodDef bits_methods[] = {{"get", (PyCFunction)Bits_get, METH_NOARGS, 0}, {0}};
static PyMethodDef other_methods[] = {{"get", Other_get, METH_NOARGS, 0}, {0}};
static PyTypeObject ThingType = {PyVarObject_HEAD_INIT(0, 0).tp_name = "structs.Thing",
                                 .tp_basicsize = sizeof(Thing),
                                 .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                 .tp_new = PyType_GenericNew,
                                 .tp_init = Thing_init,
                                 .tp_methods = thing_methods};
static PyTypeObject SubType = {PyVarObject_HEAD_INIT(0, 0).tp_name = "structs.SubThing",
                               .tp_basicsize = sizeof(SubThing), .tp_flags = Py_TPFLAGS_DEFAULT, .tp_base = &ThingType,
                               .tp_init = (initproc)Sub_init};
static PyTypeObject BitsType = {PyVarObject_HEAD_INIT(0, 0).tp_name = "structs.Bits", .tp_basicsize = sizeof(Bits),
                                .tp_flags = Py_TPFLAGS_DEFAULT, .tp_new = PyType_GenericNew,
                                .tp_methods = bits_methods};
static PyTypeObject OtherType = {PyVarObject_HEAD_INIT(0, 0).tp_name = "structs.Other", .tp_basicsize = sizeof(Other),
                                 .tp_flags = Py_TPFLAGS_DEFAULT, .tp_new = PyType_GenericNew,
                                 .tp_methods = other_methods};
static PyTypeObject CellType = {PyVarObject_HEAD_INIT(0, 0).tp_name = "structs.Cell",
                                .tp_basicsize = sizeof(struct __pyx_obj_Cell), .tp_flags = Py_TPFLAGS_DEFAULT,
                                .tp_new = __pyx_tp_new_Cell, .tp_dealloc = __pyx_tp_dealloc_Cell};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "structs", .m_size = -1};
PyMODINIT_FUNC PyInit_structs(void) {
  PyObject *m = PyModule_Create(&def);
  PyTypeObject *t[] = {&ThingType, &SubType, &BitsType, &OtherType, &CellType};
  const char *n[] = {"Thing", "SubThing", "Bits", "Other", "Cell"};
  for (int i = 0; i < 5; i++) {
    if (PyType_Ready(t[i]) < 0) return 0;
    Py_INCREF(t[i]);
    PyModule_AddObject(m, n[i], (PyObject *)t[i]);
  }
  return m;
}
