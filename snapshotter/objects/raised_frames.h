// The frames that exceptions were raised in.
#ifndef PYSNAP_OBJECTS_RAISED_FRAMES_H_
#define PYSNAP_OBJECTS_RAISED_FRAMES_H_

#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/type_table.h"

namespace pysnap {

struct RaisedRoot {
  Address object;     // of any type; null: there is but the traceback
  Address traceback;  // of an exception that does not hold its own yet; else null
};

// Those that the tracebacks of these exceptions lead to, and of what caused them, was handled before, or is in their
// groups: a PyFrameObject each, from 3.11 on the _PyInterpreterFrame that it stands for. Bounded; what cannot be read
// is left out.
std::vector<Address> RaisedFrames(const Runtime& runtime,
                                  Memory& memory,
                                  TypeTable& types,
                                  std::vector<RaisedRoot> roots);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_RAISED_FRAMES_H_
