// The fields of a Layout as a list, for code that goes through all of them: the overlay, checks, dumps.
#ifndef PYSNAP_CPYTHON_LAYOUT_FIELDS_H_
#define PYSNAP_CPYTHON_LAYOUT_FIELDS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "snapshotter/cpython/layout.h"

namespace pysnap {

// One number of a Layout: a field's offset, or a struct's size, whose field_name is "size_".
struct LayoutField {
  absl::string_view struct_name;
  absl::string_view field_name;
  // Where in Layout it is, in bytes.
  uint32_t position = 0;

  bool is_size() const { return field_name == "size_"; }
  Offset Get(const Layout& layout) const;
  void Set(Layout& layout, Offset offset) const;
};

// All of them, in the order of fields.def: each struct's size, then its fields.
absl::Span<const LayoutField> LayoutFields();

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_LAYOUT_FIELDS_H_
