// An extension whose type keeps everything in its C struct: nothing of it can be seen from Python but by its methods.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  PyObject_HEAD double width;
  double height;
  PyObject* label;
  const char* unit;
  float* samples;
  uint16_t sample_count;
  bool closed;
  uint64_t serial;
} ShapeObject;

static const float kSamples[] = {0.5f, -1.25f, 3.0f};

static PyObject* Shape_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* label = Py_None;
  double width = 0;
  double height = 0;
  if (!PyArg_ParseTuple(args, "dd|O", &width, &height, &label)) return NULL;
  ShapeObject* self = (ShapeObject*)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  Py_INCREF(label);
  self->width = width;
  self->height = height;
  self->label = label;
  self->unit = "mm";
  self->samples = (float*)kSamples;
  self->sample_count = 3;
  self->closed = true;
  self->serial = UINT64_MAX - 1;
  (void)kwargs;
  return (PyObject*)self;
}

static void Shape_dealloc(PyObject* self) {
  Py_XDECREF(((ShapeObject*)self)->label);
  Py_TYPE(self)->tp_free(self);
}

static PyTypeObject ShapeType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "shapes.Shape",
    .tp_basicsize = sizeof(ShapeObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = Shape_new,
    .tp_dealloc = Shape_dealloc,
};

static struct PyModuleDef kModule = {PyModuleDef_HEAD_INIT, .m_name = "shapes", .m_size = -1};

PyMODINIT_FUNC PyInit_shapes(void) {
  if (PyType_Ready(&ShapeType) < 0) return NULL;
  PyObject* module = PyModule_Create(&kModule);
  if (module == NULL) return NULL;
  Py_INCREF(&ShapeType);
  if (PyModule_AddObject(module, "Shape", (PyObject*)&ShapeType) < 0) return NULL;
  return module;
}
