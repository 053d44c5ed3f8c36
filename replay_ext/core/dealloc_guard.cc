#include "replay_ext/core/dealloc_guard.h"

#include <frameobject.h>

#include <algorithm>
#include <unordered_map>

namespace pysnap::replay {
namespace {

// Some hundred bytes of C stack each.
constexpr int kMaxChain = 500;

// Whether freeing an object of this type frees what it holds by plain recursion.
bool Recurses(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  // subtype_dealloc, which instances of classes have, is one that does not.
  if (!PyObject_IS_GC(object) || (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0) return false;
  return !PyTuple_CheckExact(object) && !PyList_CheckExact(object) && !PyDict_CheckExact(object) &&
         !PyAnySet_CheckExact(object) && !PyFrame_Check(object) && !PyTraceBack_Check(object) &&
         !PyType_Check(object) && !PyModule_Check(object);
}

struct Visit {
  PyObject* object;
  std::vector<PyObject*> held;
  size_t next = 0;
};

int Collect(PyObject* held, void* visit) {
  if (held != nullptr && Recurses(held)) static_cast<Visit*>(visit)->held.push_back(held);
  return 0;
}

}  // namespace

void CutLongChains(const std::vector<PyObject*>& objects) {
  // How many objects hang on one, at most, one from the other; 0 while that is being found out, and for a cut.
  std::unordered_map<PyObject*, int> chain;
  std::vector<Visit> stack;
  const auto enter = [&](PyObject* object) {
    if (!chain.emplace(object, 0).second) return;
    stack.push_back({object, {}, 0});
    Py_TYPE(object)->tp_traverse(object, Collect, &stack.back());
  };
  for (PyObject* root : objects) {
    if (root == nullptr || !Recurses(root)) continue;
    enter(root);
    while (!stack.empty()) {
      Visit& visit = stack.back();
      if (visit.next < visit.held.size()) {
        enter(visit.held[visit.next++]);
        continue;
      }
      int length = 1;
      for (PyObject* held : visit.held) length = std::max(length, chain[held] + 1);
      if (length >= kMaxChain) {
        Py_INCREF(visit.object);
        length = 0;
      }
      chain[visit.object] = length;
      stack.pop_back();
    }
  }
}

}  // namespace pysnap::replay
