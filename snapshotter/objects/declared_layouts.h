// What the fields of a C extension's objects are, from files that say so: a type is added without building anything.
// The files' format: docs/adding-a-type.md.
#ifndef PYSNAP_OBJECTS_DECLARED_LAYOUTS_H_
#define PYSNAP_OBJECTS_DECLARED_LAYOUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "snapshotter/objects/type_member.h"

namespace pysnap {

// Immutable once everything is added; then safe to share.
class DeclaredLayouts {
 public:
  // InvalidArgument, which says what and where, when the text is not as it should be; nothing of it is added then.
  absl::Status Add(absl::string_view json);

  // The fields of instances of the type whose tp_name and tp_basicsize these are; of several declarations the last one.
  // Null when nobody has declared them: also when they were for another size, as another release of the extension may
  // have.
  const std::vector<TypeMember>* Find(const std::string& tp_name, int64_t basic_size) const;

 private:
  struct Layout {
    int64_t size = 0;
    std::vector<TypeMember> fields;
  };
  absl::flat_hash_map<std::string, std::vector<Layout>> layouts_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_DECLARED_LAYOUTS_H_
