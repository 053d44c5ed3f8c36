#include "snapshotter/native/named_structs.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/native/dwarf_types.h"

namespace pysnap {
namespace {

// Bounds on what debug information may claim.
constexpr size_t kMaxUnits = 1'000'000;
constexpr size_t kMaxDies = 10'000'000;
constexpr int kMaxNesting = 16;

std::pair<std::string_view, std::string_view> SplitAtDot(std::string_view field) {
  const size_t dot = field.find('.');
  if (dot == std::string_view::npos) return {field, {}};
  return {field.substr(0, dot), field.substr(dot + 1)};
}

// Finds the struct's definitions in a unit and calls `visit` with the index of the name that each has.
template <typename Visit>
class Definitions {
 public:
  Definitions(const absl::flat_hash_map<std::string, std::vector<size_t>>& wanted, Visit visit)
      : wanted_(wanted), visit_(visit) {}

  void LookIn(Dwarf_Die* scope, const std::string& prefix, int nesting) {
    Dwarf_Die child;
    if (nesting == 0 || dwarf_child(scope, &child) != 0) return;
    do {
      if (++seen_ > kMaxDies) return;
      const bool is_namespace = dwarf_tag(&child) == DW_TAG_namespace;
      if (!is_namespace && !IsStruct(&child)) continue;
      const std::string_view name = NameOf(&child);
      if (name.empty()) continue;
      const std::string qualified = absl::StrCat(prefix, std::string(name));
      if (is_namespace) {
        LookIn(&child, absl::StrCat(qualified, "::"), nesting - 1);
        continue;
      }
      const auto found = wanted_.find(qualified);
      if (found == wanted_.end() || dwarf_hasattr(&child, DW_AT_declaration)) continue;
      for (const size_t index : found->second) visit_(index, &child);
    } while (dwarf_siblingof(&child, &child) == 0);
  }

 private:
  const absl::flat_hash_map<std::string, std::vector<size_t>>& wanted_;
  Visit visit_;
  size_t seen_ = 0;
};

std::optional<FieldPlace> PlaceOf(Dwarf_Die* structure, std::string_view field, int nesting) {
  Dwarf_Word size = 0;
  if (field.empty()) {
    if (dwarf_aggregate_size(structure, &size) != 0) return std::nullopt;
    return FieldPlace{.offset = 0, .size = static_cast<int64_t>(size)};
  }
  Dwarf_Die member;
  if (nesting == 0 || dwarf_child(structure, &member) != 0) return std::nullopt;
  const auto [first, rest] = SplitAtDot(field);
  std::optional<FieldPlace> inherited;
  do {
    const int tag = dwarf_tag(&member);
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
    const bool is_base = tag == DW_TAG_inheritance;
    // A static one, of a class of C++.
    if (dwarf_hasattr(&member, DW_AT_external) || dwarf_hasattr(&member, DW_AT_declaration)) continue;
    Dwarf_Word offset = 0;
    Dwarf_Die type;
    if ((!is_base && NameOf(&member) != first) || !OffsetOf(&member, &offset) || !TypeOf(&member, &type)) continue;
    std::optional<FieldPlace> place;
    if (is_base || !rest.empty()) {
      if (IsStruct(&type)) place = PlaceOf(&type, is_base ? field : rest, nesting - 1);
    } else if (dwarf_aggregate_size(&type, &size) == 0) {
      place = FieldPlace{.offset = 0, .size = static_cast<int64_t>(size)};
    }
    if (!place.has_value()) continue;
    place->offset += static_cast<int64_t>(offset);
    // A member hides one of the same name in a base.
    if (!is_base) return place;
    inherited = place;
  } while (dwarf_siblingof(&member, &member) == 0);
  return inherited;
}

}  // namespace

bool NamedStructs::HasInformation(Address address) {
  const DebugInformation::Loaded* loaded = debug_.Load(address);
  return loaded != nullptr && loaded->debug != nullptr;
}

std::vector<std::optional<FieldPlace>> NamedStructs::Find(Address address, absl::Span<const FieldName> names) {
  std::vector<std::optional<FieldPlace>> places(names.size());
  if (!HasInformation(address)) return places;
  absl::flat_hash_map<std::string, std::vector<size_t>> wanted;
  for (size_t i = 0; i < names.size(); ++i) wanted[std::string(names[i].structure)].push_back(i);
  std::vector<bool> contradicted(names.size());
  const auto visit = [&](size_t index, Dwarf_Die* structure) {
    const std::optional<FieldPlace> place = PlaceOf(structure, names[index].field, kMaxNesting);
    if (places[index].has_value() && places[index] != place) contradicted[index] = true;
    places[index] = place;
  };
  Definitions definitions(wanted, visit);
  Dwarf* const debug = debug_.Load(address)->debug;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  size_t count = 0;
  while (count++ < kMaxUnits && dwarf_get_units(debug, unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    definitions.LookIn(&die, "", kMaxNesting);
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (contradicted[i]) places[i].reset();
  }
  return places;
}

}  // namespace pysnap
