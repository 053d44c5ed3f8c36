#include "snapshotter/native/struct_reader.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/native/dwarf_types.h"

namespace pysnap {
namespace {

// Bounds on what debug information may claim.
constexpr int kMaxNesting = 4;
constexpr int kMaxBases = 16;
constexpr size_t kMaxFields = 1000;
constexpr size_t kMaxDies = 10'000'000;
// Of an array of objects; a larger one is bytes.
constexpr Dwarf_Word kMaxArrayOfObjects = 64;

// What stands first in a struct: its first member, or the class that it extends.
bool FirstOf(Dwarf_Die* type, Dwarf_Die* first) {
  if (!IsStruct(type) || dwarf_child(type, first) != 0) return false;
  do {
    Dwarf_Word offset = 0;
    const int tag = dwarf_tag(first);
    if (tag == DW_TAG_member || tag == DW_TAG_inheritance) return OffsetOf(first, &offset) && offset == 0;
  } while (dwarf_siblingof(first, first) == 0);
  return false;
}

// Whether the struct is the PyObject (Include/object.h), whose tag is `_object`, or what begins with one.
bool BeginsAsObject(Dwarf_Die type) {
  for (int i = 0; i < kMaxBases && IsStruct(&type); ++i) {
    if (NameOf(&type) == "_object") return true;
    Dwarf_Die first;
    if (!FirstOf(&type, &first) || !TypeOf(&first, &type)) return false;
  }
  return false;
}

// The struct that a variable points to.
bool PointsToStruct(Dwarf_Die* variable, Dwarf_Die* structure) {
  Dwarf_Die pointer;
  return TypeOf(variable, &pointer) && dwarf_tag(&pointer) == DW_TAG_pointer_type && TypeOf(&pointer, structure) &&
         IsStruct(structure);
}

// ---- fields

class FieldReader {
 public:
  std::vector<CField> Read(Dwarf_Die* structure) {
    AddMembers(structure, "", 0, kMaxNesting);
    std::stable_sort(out_.begin(), out_.end(), [](const CField& a, const CField& b) { return a.offset < b.offset; });
    return std::move(out_);
  }

 private:
  void Add(std::string name, CField::Kind kind, Dwarf_Word offset, Dwarf_Word size) {
    out_.push_back({.name = std::move(name),
                    .kind = kind,
                    .offset = static_cast<int64_t>(offset),
                    .size = static_cast<int64_t>(size)});
  }

  void AddMembers(Dwarf_Die* structure, const std::string& prefix, Dwarf_Word base, int nesting) {
    Dwarf_Die member;
    if (dwarf_child(structure, &member) != 0) return;
    do {
      const int tag = dwarf_tag(&member);
      if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
      // A static one, of a class of C++.
      if (dwarf_hasattr(&member, DW_AT_external) || dwarf_hasattr(&member, DW_AT_declaration)) continue;
      Dwarf_Word offset = 0;
      Dwarf_Die type;
      if (out_.size() >= kMaxFields || !OffsetOf(&member, &offset) || !TypeOf(&member, &type)) continue;
      const std::string_view own = NameOf(&member);
      const std::string name = own.empty() || tag == DW_TAG_inheritance
                                   ? prefix
                                   : absl::StrCat(prefix, prefix.empty() ? "" : ".", std::string(own));
      AddField(name, &type, base + offset, nesting);
    } while (dwarf_siblingof(&member, &member) == 0);
  }

  void AddField(const std::string& name, Dwarf_Die* type, Dwarf_Word offset, int nesting) {
    Dwarf_Word size = 0;
    if (dwarf_aggregate_size(type, &size) != 0 || size == 0) return;
    switch (dwarf_tag(type)) {
      case DW_TAG_structure_type:
      case DW_TAG_class_type:
        if (nesting > 0) return AddMembers(type, name, offset, nesting - 1);
        break;
      case DW_TAG_base_type:
      case DW_TAG_enumeration_type:
        return AddNumber(name, type, offset, size);
      case DW_TAG_pointer_type: {
        Dwarf_Die pointee;
        const bool object = TypeOf(type, &pointee) && BeginsAsObject(pointee);
        return Add(name, object ? CField::kObject : CField::kUnsigned, offset, size);
      }
      case DW_TAG_array_type:
        if (AddObjects(name, type, offset, size)) return;
        break;
      default:
        break;
    }
    Add(name, CField::kBytes, offset, size);
  }

  void AddNumber(const std::string& name, Dwarf_Die* type, Dwarf_Word offset, Dwarf_Word size) {
    Dwarf_Attribute attribute;
    Dwarf_Word encoding = 0;
    Dwarf_Die base;
    // That of an enum may be told by the type that it is kept as.
    if (dwarf_attr(type, DW_AT_encoding, &attribute) != nullptr ||
        (TypeOf(type, &base) && dwarf_attr(&base, DW_AT_encoding, &attribute) != nullptr)) {
      dwarf_formudata(&attribute, &encoding);
    }
    CField::Kind kind = CField::kBytes;
    const bool fits = size == 1 || size == 2 || size == 4 || size == 8;
    if (encoding == DW_ATE_boolean && size == 1) kind = CField::kBool;
    if (encoding == DW_ATE_float && (size == 4 || size == 8)) kind = CField::kFloat;
    if (fits && (encoding == DW_ATE_signed || encoding == DW_ATE_signed_char)) kind = CField::kSigned;
    if (fits && (encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char)) kind = CField::kUnsigned;
    Add(name, kind, offset, size);
  }

  // An array of pointers to objects, each a field; false when it is none, or has many.
  bool AddObjects(const std::string& name, Dwarf_Die* array, Dwarf_Word offset, Dwarf_Word size) {
    Dwarf_Die item, pointee;
    if (!TypeOf(array, &item) || dwarf_tag(&item) != DW_TAG_pointer_type || !TypeOf(&item, &pointee) ||
        !BeginsAsObject(pointee) || size % sizeof(uint64_t) != 0 || size / sizeof(uint64_t) > kMaxArrayOfObjects) {
      return false;
    }
    for (Dwarf_Word i = 0; i < size / sizeof(uint64_t); ++i) {
      Add(absl::StrCat(name, "[", i, "]"), CField::kObject, offset + i * sizeof(uint64_t), sizeof(uint64_t));
    }
    return true;
  }

  std::vector<CField> out_;
};

// ---- functions

class SelfFinder {
 public:
  SelfFinder(int64_t size, const absl::flat_hash_set<Dwarf_Addr>& functions) : size_(size), functions_(functions) {}

  void LookIn(Dwarf_Die* scope, int nesting) {
    Dwarf_Die child;
    if (nesting == 0 || dwarf_child(scope, &child) != 0) return;
    do {
      if (++seen_ > kMaxDies) return;
      Dwarf_Addr begin = 0;
      switch (dwarf_tag(&child)) {
        case DW_TAG_subprogram:
          if (dwarf_lowpc(&child, &begin) == 0 && functions_.contains(begin)) LookAt(&child);
          break;
        case DW_TAG_namespace:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
          LookIn(&child, nesting - 1);
          break;
        default:
          break;
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }

  // By where they are described.
  const std::map<Dwarf_Off, Dwarf_Die>& found() const { return found_; }

 private:
  void LookAt(Dwarf_Die* function) {
    Dwarf_Die child;
    // What Cython calls it in the functions of slots that it writes.
    const bool cython = NameOf(function).substr(0, 9) == "__pyx_tp_";
    if (dwarf_child(function, &child) != 0) return;
    bool first = true;
    do {
      const int tag = dwarf_tag(&child);
      if (tag == DW_TAG_formal_parameter) {
        if (std::exchange(first, false)) Consider(&child);
      } else if (tag == DW_TAG_variable && NameOf(&child) == (cython ? "p" : "self")) {
        Consider(&child);
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }

  void Consider(Dwarf_Die* variable) {
    Dwarf_Die structure;
    Dwarf_Word size = 0;
    if (!PointsToStruct(variable, &structure) || dwarf_aggregate_size(&structure, &size) != 0 ||
        size != static_cast<Dwarf_Word>(size_) || !BeginsAsObject(structure)) {
      return;
    }
    found_.emplace(dwarf_dieoffset(&structure), structure);
  }

  const int64_t size_;
  const absl::flat_hash_set<Dwarf_Addr>& functions_;
  size_t seen_ = 0;
  std::map<Dwarf_Off, Dwarf_Die> found_;
};

}  // namespace

std::optional<std::vector<CField>> StructReader::FindBySelf(absl::Span<const Address> functions, int64_t size) {
  // Those of one unit together.
  std::map<std::pair<const DebugInformation::Loaded*, Dwarf_Off>, absl::flat_hash_set<Dwarf_Addr>> units;
  for (const Address function : functions) {
    const DebugInformation::Loaded* loaded = debug_.Load(function);
    Dwarf_Die unit;
    if (loaded == nullptr || !DebugInformation::FindUnit(*loaded, function, &unit)) continue;
    units[{loaded, dwarf_dieoffset(&unit)}].insert(function.value() - loaded->bias);
  }
  std::optional<std::vector<CField>> result;
  for (const auto& [where, addresses] : units) {
    Dwarf_Die unit;
    if (dwarf_offdie(where.first->debug, where.second, &unit) == nullptr) continue;
    SelfFinder finder(size, addresses);
    finder.LookIn(&unit, kMaxNesting);
    for (auto [offset, structure] : finder.found()) {
      std::vector<CField> read = FieldReader().Read(&structure);
      // The same header is described once for each unit.
      if (result.has_value() && *result != read) return std::nullopt;
      result = std::move(read);
    }
  }
  return result;
}

}  // namespace pysnap
