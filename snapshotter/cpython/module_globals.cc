#include "snapshotter/cpython/module_globals.h"

#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/subtype.h"

namespace pysnap {

absl::StatusOr<std::vector<NameLookup::Item>> ModuleGlobals(const Runtime& runtime,
                                                            Memory& memory,
                                                            const std::vector<NameLookup::Item>& modules,
                                                            absl::string_view name) {
  NameLookup lookup(runtime, memory);
  ASSIGN_OR_RETURN(const Address module, lookup.Find(modules, name));
  if (module.is_null()) return std::vector<NameLookup::Item>();
  // A program may put anything there.
  ASSIGN_OR_RETURN(const bool is_module, IsInstance(runtime, memory, module, runtime.Symbol("PyModule_Type")));
  if (!is_module) return std::vector<NameLookup::Item>();
  ASSIGN_OR_RETURN(const Address dict, memory.ReadPointer(module + runtime.layout.PyModuleObject.md_dict));
  return lookup.Items(dict);
}

}  // namespace pysnap
