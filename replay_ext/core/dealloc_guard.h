// Keeps hostile graphs of objects from exhausting the C stack when they are freed.
#ifndef PYSNAP_REPLAY_DEALLOC_GUARD_H_
#define PYSNAP_REPLAY_DEALLOC_GUARD_H_

#include <Python.h>

#include <vector>

namespace pysnap::replay {

// Freeing the first of a chain of cells, slices, methods … frees the whole chain by recursion: unlike containers, these
// types do without CPython's trashcan (Include/cpython/object.h, 3.8 to 3.15). No program has a million of them in a
// row, but a file may say so. Such chains are cut into short ones: an object in between is never freed. Null entries
// are skipped.
void CutLongChains(const std::vector<PyObject*>& objects);

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_DEALLOC_GUARD_H_
