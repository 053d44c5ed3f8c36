// Unwind information that no linker has made an index of.
#ifndef PYSNAP_NATIVE_UNWIND_INDEX_H_
#define PYSNAP_NATIVE_UNWIND_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/native/module_map.h"

namespace pysnap {

// Bytes to be read as if they were mapped at `place`: a table as in .eh_frame_hdr, of `count` entries sorted by address
// and relative to place.begin, and behind it what of .debug_frame it leads to, in the form of .eh_frame.
struct UnwindIndex {
  AddressRange place;
  std::vector<std::byte> bytes;
  uint64_t count = 0;
};

// Reads the module's .eh_frame and .debug_frame. `place` is where nothing is mapped, within reach of the module. Empty
// when there is nothing to index.
UnwindIndex MakeUnwindIndex(const ModuleMap& modules, const Module& module);

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_UNWIND_INDEX_H_
