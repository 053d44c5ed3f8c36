// Debug information of the modules of a process, loaded when it is asked for.
//
// It is decoded by libdw, which trusts it more than it deserves: what may be hostile is decoded in a process of its
// own.
#ifndef PYSNAP_NATIVE_DEBUG_INFORMATION_H_
#define PYSNAP_NATIVE_DEBUG_INFORMATION_H_

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/base/address.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class DebugInformation {
 public:
  // The code of a unit, as addresses in `debug`.
  struct UnitRange {
    Dwarf_Addr begin = 0;
    Dwarf_Addr end = 0;
    Dwarf_Off unit = 0;
  };
  struct Loaded {
    DebugInformation* owner = nullptr;
    const Module* source = nullptr;
    Dwfl_Module* module = nullptr;  // null: its file could not be had
    bool asked_for_file = false;
    Dwarf* debug = nullptr;        // null: there is none
    Dwarf_Addr bias = 0;           // from addresses in `debug` to those in memory
    std::vector<UnitRange> units;  // by address
  };

  // Both outlive it. Debug files are looked for in the target's root, as long as it lives.
  DebugInformation(const ModuleMap& modules, Target& target);
  ~DebugInformation();
  DebugInformation(const DebugInformation&) = delete;
  DebugInformation& operator=(const DebugInformation&) = delete;

  // Of the module at `address`; null where there is none.
  const Loaded* Load(Address address);
  // The unit whose code is at `address`.
  static bool FindUnit(const Loaded& loaded, Address address, Dwarf_Die* unit);

 private:
  static void IndexUnits(Loaded& loaded);

  const ModuleMap& modules_;
  Target& target_;
  Dwfl_Callbacks callbacks_ = {};
  Dwfl* dwfl_ = nullptr;
  absl::flat_hash_map<const Module*, std::unique_ptr<Loaded>> loaded_;
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_DEBUG_INFORMATION_H_
