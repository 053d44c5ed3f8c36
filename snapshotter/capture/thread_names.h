// The names that Python's threading module gives its threads.
#ifndef PYSNAP_CAPTURE_THREAD_NAMES_H_
#define PYSNAP_CAPTURE_THREAD_NAMES_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

struct NamedThread {
  Address object;  // the threading.Thread; null when it is not known
  std::string name;
};

// Reads sys.modules["threading"]._active[ident]._name, once per interpreter.
class ThreadNames {
 public:
  // Nothing when threading is not loaded, does not know the thread, or cannot be read.
  NamedThread Find(const Runtime& runtime, Memory& memory, const PythonThread& thread);

 private:
  using Names = absl::flat_hash_map<uint64_t, NamedThread>;  // by ident
  absl::flat_hash_map<Address, Names> interpreters_;         // by their sys.modules
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_THREAD_NAMES_H_
