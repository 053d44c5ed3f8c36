// What a slot of a frame (a local, a stack entry, f_executable, f_funcobj) holds.
#ifndef PYSNAP_CPYTHON_BEHAVIOURS_STACK_REF_H_
#define PYSNAP_CPYTHON_BEHAVIOURS_STACK_REF_H_

#include <cstdint>
#include <optional>

#include "snapshotter/base/address.h"

namespace pysnap {

// Turns a slot's bits into the object's address; null for an empty slot and for a tagged integer, which is no object.
using DecodeStackRef = Address (*)(uint64_t bits);

// The integer that is in a stack entry instead of an object.
using DecodeStackNumber = std::optional<int64_t> (*)(uint64_t bits);

// A plain PyObject* (up to 3.13).
Address StackRefPlain(uint64_t bits);
std::optional<int64_t> NoStackNumber(uint64_t bits);

// _PyStackRef (3.14+, Include/internal/pycore_stackref.h): the two low bits are tags, 3 marks an integer.
Address StackRefTagged(uint64_t bits);
std::optional<int64_t> TaggedStackNumber(uint64_t bits);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_BEHAVIOURS_STACK_REF_H_
