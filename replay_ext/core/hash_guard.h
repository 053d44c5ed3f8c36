// Bounds on hashing what a file made us build: tuple hashing is recursive in C and not remembered, so that a few
// hundred nested pairs can overflow the stack or take forever.
#ifndef PYSNAP_REPLAY_HASH_GUARD_H_
#define PYSNAP_REPLAY_HASH_GUARD_H_

#include <cstdint>
#include <unordered_map>

#include "replay_ext/core/py_ref.h"

namespace pysnap::replay {

class HashGuard {
 public:
  // Whether hash(object) stays within bounds of depth and time. Objects asked about must stay alive and unchanged.
  bool Allows(PyObject* object);

 private:
  struct Cost {
    uint64_t visits;  // of objects; kTooMuch beyond the bound, and while its parts are being counted (a cycle)
    uint32_t height;
  };
  std::unordered_map<PyObject*, Cost> known_;
  uint64_t budget_ = 200'000'000;  // visits of all hashes together
};

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_HASH_GUARD_H_
