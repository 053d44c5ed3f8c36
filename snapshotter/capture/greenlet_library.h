// Where greenlet's objects have what, from the debug information of the library that the target has loaded.
#ifndef PYSNAP_CAPTURE_GREENLET_LIBRARY_H_
#define PYSNAP_CAPTURE_GREENLET_LIBRARY_H_

#include <optional>

#include "snapshotter/cpython/greenlet_structs.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class GreenletLibrary {
 public:
  // Looks for the library among target.mappings(), and reads its debug information, in a process of its own, when it
  // was not read before; the target may run meanwhile. Null when there is none. Valid until it is called again.
  const GreenletStructs* Find(Target& target);

 private:
  std::optional<GreenletStructs> structs_;
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_GREENLET_LIBRARY_H_
