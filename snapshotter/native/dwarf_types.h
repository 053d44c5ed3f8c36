// What those who read the types of debug information have in common. All take DIEs of libdw.
#ifndef PYSNAP_NATIVE_DWARF_TYPES_H_
#define PYSNAP_NATIVE_DWARF_TYPES_H_

#include <elfutils/libdw.h>

#include <string_view>

namespace pysnap {

// Empty where it has none.
std::string_view NameOf(Dwarf_Die* die);
// The type of a variable, member or pointer, behind typedefs and qualifiers.
bool TypeOf(Dwarf_Die* die, Dwarf_Die* type);
// A struct or a class.
bool IsStruct(Dwarf_Die* type);
// Of a member or a base, in bytes from the beginning of the struct; false for one of bits, or of a place that is
// computed.
bool OffsetOf(Dwarf_Die* member, Dwarf_Word* offset);

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_DWARF_TYPES_H_
