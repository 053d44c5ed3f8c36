// Which objects are greenlets.
#ifndef PYSNAP_CPYTHON_GREENLET_SEARCH_H_
#define PYSNAP_CPYTHON_GREENLET_SEARCH_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/greenlet_structs.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Which greenlets there are in the old lists of the garbage collectors, so that a walk of the stopped target needs to
// look through new objects alone. By interpreter; nothing where it was not to be had.
struct OldGreenlets {
  struct OfInterpreter {
    std::string mark;  // GcObjects::OldListsMark(), for which it holds
    std::vector<Address> objects;
  };
  absl::flat_hash_map<Address, OfInterpreter> interpreters;
};

// Looks through all of them. The target may run meanwhile.
OldGreenlets FindOldGreenlets(const Runtime& runtime,
                              Memory& memory,
                              const GreenletStructs& structs,
                              const std::vector<PythonThread>& threads);

struct FoundGreenlets {
  // The interpreter has imported greenlet.
  bool is_imported = false;
  std::vector<Address> objects;  // by address
  // Why some may be missing.
  std::vector<absl::Status> problems;
};

// Finds the greenlets of the interpreter of `thread`: what its garbage collector knows of greenlet's type, or of what
// extends it. Where `old` still holds, only new objects are looked through.
FoundGreenlets FindGreenlets(const Runtime& runtime,
                             Memory& memory,
                             const GreenletStructs& structs,
                             const PythonThread& thread,
                             const OldGreenlets& old);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_GREENLET_SEARCH_H_
