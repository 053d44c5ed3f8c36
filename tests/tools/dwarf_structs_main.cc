// Prints the offsets of structs as a binary's debug information has them: `pysnap_dwarf_structs BINARY NAME…`, one
// "NAME MEMBER OFFSET" a line, members of members joined by dots, and "NAME size_ SIZE". NAME is a struct's tag or a
// typedef of one. scripts/check_dwarf.py compares them with the generated layouts.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr int kMaxNesting = 4;

// The type behind typedefs and qualifiers.
bool StripType(Dwarf_Die* die, Dwarf_Die* type) {
  Dwarf_Attribute attribute;
  if (dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), type) == nullptr) return false;
  return dwarf_peel_type(type, type) == 0;
}

void PrintMembers(
    Dwarf_Die* structure, const std::string& name, const std::string& prefix, Dwarf_Word base, int nesting) {
  Dwarf_Die member;
  if (nesting == 0 || dwarf_child(structure, &member) != 0) return;
  do {
    if (dwarf_tag(&member) != DW_TAG_member) continue;
    Dwarf_Attribute attribute;
    Dwarf_Word offset = 0;
    Dwarf_Word bits = 0;
    if (dwarf_attr(&member, DW_AT_data_member_location, &attribute) != nullptr) {
      dwarf_formudata(&attribute, &offset);
    } else if (dwarf_attr(&member, DW_AT_data_bit_offset, &attribute) != nullptr) {
      dwarf_formudata(&attribute, &bits);
      offset = bits / 8;
    }
    const char* member_name = dwarf_diename(&member);
    std::string path = prefix;
    if (member_name != nullptr) {
      path += (prefix.empty() ? "" : ".") + std::string(member_name);
      std::printf("%s %s %llu\n", name.c_str(), path.c_str(), static_cast<unsigned long long>(base + offset));
    }
    Dwarf_Die type;
    if (StripType(&member, &type) &&
        (dwarf_tag(&type) == DW_TAG_structure_type || dwarf_tag(&type) == DW_TAG_union_type)) {
      PrintMembers(&type, name, path, base + offset, nesting - 1);
    }
  } while (dwarf_siblingof(&member, &member) == 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: pysnap_dwarf_structs BINARY NAME...\n");
    return 2;
  }
  std::set<std::string> wanted(argv + 2, argv + argc);
  const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  Dwarf* dwarf = fd < 0 ? nullptr : dwarf_begin(fd, DWARF_C_READ);
  if (dwarf == nullptr) {
    std::fprintf(stderr, "%s: no debug information\n", argv[1]);
    return 1;
  }
  Dwarf_CU* cu = nullptr;
  Dwarf_Half version;
  uint8_t unit_type;
  Dwarf_Die unit;
  Dwarf_Die sub;
  while (!wanted.empty() && dwarf_get_units(dwarf, cu, &cu, &version, &unit_type, &unit, &sub) == 0) {
    Dwarf_Die die;
    if (dwarf_child(&unit, &die) != 0) continue;
    do {
      const char* name = dwarf_diename(&die);
      if (name == nullptr || wanted.count(name) == 0) continue;
      Dwarf_Die structure = die;
      if (dwarf_tag(&die) == DW_TAG_typedef) {
        if (!StripType(&die, &structure)) continue;
      }
      if (dwarf_tag(&structure) != DW_TAG_structure_type || dwarf_hasattr(&structure, DW_AT_declaration)) continue;
      Dwarf_Word size = 0;
      if (dwarf_aggregate_size(&structure, &size) != 0) continue;
      std::printf("%s size_ %llu\n", name, static_cast<unsigned long long>(size));
      PrintMembers(&structure, name, "", 0, kMaxNesting);
      wanted.erase(name);
    } while (!wanted.empty() && dwarf_siblingof(&die, &die) == 0);
  }
  dwarf_end(dwarf);
  close(fd);
  return 0;
}
