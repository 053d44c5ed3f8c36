// The namespaces of modules of the target, by name.
#ifndef PYSNAP_CPYTHON_MODULE_GLOBALS_H_
#define PYSNAP_CPYTHON_MODULE_GLOBALS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/cpython/name_lookup.h"

namespace pysnap {

// What the module `name` has in its namespace; empty when `modules`, the items of a sys.modules, has no such module.
absl::StatusOr<std::vector<NameLookup::Item>> ModuleGlobals(const Runtime& runtime,
                                                            Memory& memory,
                                                            const std::vector<NameLookup::Item>& modules,
                                                            absl::string_view name);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_MODULE_GLOBALS_H_
