#include "snapshotter/cpython/layout_fields.h"

#include <cstddef>
#include <cstring>
#include <type_traits>

namespace pysnap {

static_assert(std::is_standard_layout_v<Layout> && std::is_trivially_copyable_v<Layout>);

Offset LayoutField::Get(const Layout& layout) const {
  Offset offset;
  std::memcpy(&offset, reinterpret_cast<const char*>(&layout) + position, sizeof(offset));
  return offset;
}

void LayoutField::Set(Layout& layout, Offset offset) const {
  std::memcpy(reinterpret_cast<char*>(&layout) + position, &offset, sizeof(offset));
}

absl::Span<const LayoutField> LayoutFields() {
  static constexpr LayoutField kFields[] = {
#define PYSNAP_STRUCT(name) {#name, "size_", offsetof(Layout, name.size_)},
#define PYSNAP_FIELD(name, field) {#name, #field, offsetof(Layout, name.field)},
#define PYSNAP_END(name)
#include "snapshotter/cpython/fields.def"
#undef PYSNAP_STRUCT
#undef PYSNAP_FIELD
#undef PYSNAP_END
  };
  return kFields;
}

}  // namespace pysnap
