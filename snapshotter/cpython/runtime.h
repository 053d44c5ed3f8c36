// A CPython runtime found in a target: everything that readers of its memory need to know about it.
#ifndef PYSNAP_CPYTHON_RUNTIME_H_
#define PYSNAP_CPYTHON_RUNTIME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/layout.h"

namespace pysnap {

struct VersionSupport;

// "3.12.1", "3.15.0rc1": a PY_VERSION_HEX as PY_VERSION.
std::string FormatVersion(uint32_t hex_version);

// Value type; made by the RuntimeLocator. Says where things are and how they are encoded, and holds no memory.
struct Runtime {
  // One of the structs in versions/; lives for ever.
  const VersionSupport* version = nullptr;
  // The version's table for this build, overlaid with the target's own _Py_DebugOffsets where it has them.
  Layout layout;
  // Address of _PyRuntime.
  Address py_runtime;
  // PY_VERSION_HEX: 0x030c01f0 is 3.12.1 final.
  uint32_t hex_version = 0;
  // The file that holds _PyRuntime, as the target sees it; empty when it is not known.
  std::string module_path;
  bool debug = false;
  bool free_threaded = false;
  // The exported data symbols of the module that holds _PyRuntime (PyLong_Type, _Py_NoneStruct …), relocated.
  absl::flat_hash_map<std::string, Address> symbols;
  // The writable segments of that file, where they are mapped; empty when it is not known.
  std::vector<AddressRange> writable;
  // Why the tasks of its asyncio cannot be read; empty when nothing is known against it.
  std::string asyncio_problem;
  // The code of _PyEval_EvalFrameDefault; empty when it is not exported.
  AddressRange evaluation_loop;

  // The address of an exported symbol; null when it is not exported.
  Address Symbol(absl::string_view name) const {
    const auto it = symbols.find(name);
    return it == symbols.end() ? Address() : it->second;
  }
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_RUNTIME_H_
