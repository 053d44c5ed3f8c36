// Where greenlet's objects have what, in the build of it that a target has loaded.
#ifndef PYSNAP_CPYTHON_GREENLET_STRUCTS_H_
#define PYSNAP_CPYTHON_GREENLET_STRUCTS_H_

#include <string>

#include "snapshotter/base/address.h"
#include "snapshotter/cpython/layout.h"

namespace pysnap {

// Offsets in bytes, from the debug information of the library; its structs are no public ones, and differ by version,
// compiler and CPython. The names are greenlet's, 2.0 to 3.5 (src/greenlet/TGreenlet.hpp, TThreadState.hpp).
struct GreenletStructs {
  // Of its code and data in memory.
  AddressRange library;
  // Why the rest is not known; empty when it is.
  std::string problem;

  // PyGreenlet, the Python object.
  Offset object_size = kNoOffset;
  Offset pimpl = kNoOffset;
  // greenlet::Greenlet, to which pimpl leads.
  Offset exc_info = kNoOffset;
  Offset exc_state = kNoOffset;
  Offset stack_start = kNoOffset;
  Offset stack_stop = kNoOffset;
  Offset stack_copy = kNoOffset;
  Offset stack_saved = kNoOffset;
  Offset top_frame = kNoOffset;      // a PyFrameObject
  Offset current_frame = kNoOffset;  // a _PyInterpreterFrame (CPython 3.11+)
  // What top_frame's frame is cut off from (3.0.0 to 3.0.2 on CPython 3.12).
  Offset prev_frame = kNoOffset;
  // greenlet::UserGreenlet, which extends it.
  Offset main_greenlet = kNoOffset;
  Offset run_callable = kNoOffset;
  Offset parent = kNoOffset;
  // greenlet::MainGreenlet, which does, too.
  Offset thread_state = kNoOffset;
  // greenlet::ThreadState, one for each thread.
  Offset current_greenlet = kNoOffset;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_GREENLET_STRUCTS_H_
