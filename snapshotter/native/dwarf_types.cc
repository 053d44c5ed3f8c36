#include "snapshotter/native/dwarf_types.h"

#include <dwarf.h>

namespace pysnap {

std::string_view NameOf(Dwarf_Die* die) {
  const char* name = dwarf_diename(die);
  return name == nullptr ? std::string_view() : name;
}

bool TypeOf(Dwarf_Die* die, Dwarf_Die* type) {
  Dwarf_Attribute attribute;
  return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), type) != nullptr &&
         dwarf_peel_type(type, type) == 0;
}

bool IsStruct(Dwarf_Die* type) {
  const int tag = dwarf_tag(type);
  return tag == DW_TAG_structure_type || tag == DW_TAG_class_type;
}

bool OffsetOf(Dwarf_Die* member, Dwarf_Word* offset) {
  Dwarf_Attribute attribute;
  *offset = 0;
  if (dwarf_hasattr(member, DW_AT_bit_size) || dwarf_hasattr(member, DW_AT_data_bit_offset)) return false;
  if (dwarf_attr(member, DW_AT_data_member_location, &attribute) == nullptr) return true;
  return dwarf_formudata(&attribute, offset) == 0;
}

}  // namespace pysnap
