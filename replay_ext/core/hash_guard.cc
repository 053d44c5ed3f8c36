#include "replay_ext/core/hash_guard.h"

#include <algorithm>
#include <vector>

namespace pysnap::replay {
namespace {

constexpr uint64_t kTooMuch = UINT64_MAX;
constexpr uint64_t kMaxVisits = 1'000'000;
constexpr uint32_t kMaxHeight = 200;

bool HasParts(PyObject* object) { return PyTuple_Check(object) || PySlice_Check(object) || PyCode_Check(object); }

// The objects whose hashes make up the hash of `object`. Frozensets remember the hashes of their items.
template <typename Visit>
void ForEachPart(PyObject* object, Visit visit) {
  if (PyTuple_Check(object)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) {
      if (PyTuple_GET_ITEM(object, i) != nullptr) visit(PyTuple_GET_ITEM(object, i));
    }
  } else if (PySlice_Check(object)) {
    const PySliceObject* slice = reinterpret_cast<PySliceObject*>(object);
    visit(slice->start);
    visit(slice->stop);
    visit(slice->step);
  } else if (PyCode_Check(object)) {
    visit(reinterpret_cast<PyCodeObject*>(object)->co_consts);
  }
}

}  // namespace

bool HashGuard::Allows(PyObject* root) {
  if (!HasParts(root)) return true;
  std::vector<PyObject*> stack{root};
  while (!stack.empty()) {
    PyObject* object = stack.back();
    const size_t before = stack.size();
    if (known_.emplace(object, Cost{kTooMuch, 0}).second) {
      ForEachPart(object, [&](PyObject* part) {
        if (HasParts(part) && known_.count(part) == 0) stack.push_back(part);
      });
      if (stack.size() != before) continue;
    }
    Cost cost = {1, 1};
    ForEachPart(object, [&](PyObject* part) {
      const Cost inner = HasParts(part) ? known_[part] : Cost{1, 0};
      cost.height = std::max(cost.height, inner.height + 1);
      cost.visits = inner.visits == kTooMuch || cost.visits == kTooMuch ? kTooMuch : cost.visits + inner.visits;
      if (cost.visits > kMaxVisits || cost.height > kMaxHeight) cost.visits = kTooMuch;
    });
    known_[object] = cost;
    stack.pop_back();
  }
  const uint64_t visits = known_[root].visits;
  if (visits == kTooMuch || visits > budget_) return false;
  budget_ -= visits;
  return true;
}

}  // namespace pysnap::replay
