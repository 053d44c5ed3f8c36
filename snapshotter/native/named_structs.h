// Where fields are in the structs of a module, by their names, from its debug information.
//
//   NamedStructs structs(*modules, *target);
//   const auto places = structs.Find(module->range.begin, {{"greenlet::UserGreenlet", "_parent"}});
//
// Decoded by libdw: see debug_information.h about what may be hostile.
#ifndef PYSNAP_NATIVE_NAMED_STRUCTS_H_
#define PYSNAP_NATIVE_NAMED_STRUCTS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/native/debug_information.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/target.h"

namespace pysnap {

struct FieldName {
  // Of the struct, with the namespaces that it is in; a C struct by its tag.
  std::string_view structure;
  // A member, of the struct or of what it extends; with a dot, a member of that member. Empty: the struct itself.
  std::string_view field;
};

// Bytes.
struct FieldPlace {
  int64_t offset = 0;
  int64_t size = 0;

  bool operator==(const FieldPlace&) const = default;
};

class NamedStructs {
 public:
  // Both outlive it.
  NamedStructs(const ModuleMap& modules, Target& target) : debug_(modules, target) {}

  // Whether the module at `address` has debug information at all.
  bool HasInformation(Address address);

  // For each name its place; none where there is no such struct or field, or where units of the module differ about it.
  std::vector<std::optional<FieldPlace>> Find(Address address, absl::Span<const FieldName> names);

 private:
  DebugInformation debug_;
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_NAMED_STRUCTS_H_
