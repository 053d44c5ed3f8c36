#include "snapshotter/objects/type_table.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/type_flags.h"
#include "snapshotter/objects/registry.h"

namespace pysnap {
namespace {

constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kMaxBases = 1024;
constexpr size_t kMaxMembers = 4096;
constexpr int kMaxMetaclasses = 8;
constexpr int64_t kMaxBasicSize = int64_t{1} << 20;

absl::Status NoType(Address address) { return absl::DataLossError(absl::StrFormat("no type at %#x", address.value())); }

// Whether a type that has no known address can be the one an entry names. Classes made by a class statement never are.
bool MatchesByName(const DecoderEntry& entry, const TypeInfo& info, const Layout& layout) {
  if (entry.tp_name == nullptr || info.name != entry.tp_name) return false;
  if (!info.heap) return true;
  return entry.struct_size != nullptr && info.shape.basic_size == entry.struct_size(layout);
}

}  // namespace

bool TypeInfo::Extends(const TypeInfo* ancestor) const {
  for (const TypeInfo* type = this; type != nullptr; type = type->base) {
    if (type == ancestor) return true;
  }
  return false;
}

TypeTable::TypeTable(
    const Runtime& runtime, Memory& memory, const DeclaredLayouts* layouts, StructSource* structs, bool notes_structs)
    : runtime_(runtime),
      memory_(memory),
      layouts_(layouts),
      structs_(structs),
      notes_structs_(notes_structs),
      type_type_(runtime.Symbol("PyType_Type")) {
  for (const DecoderEntry& entry : DecoderEntries()) {
    if (entry.symbol == nullptr) continue;
    const Address address = runtime.Symbol(entry.symbol);
    if (address) by_symbol_.emplace(address, &entry);
  }
}

absl::Status TypeTable::CheckIsType(Address object) {
  Address at = object;
  for (int i = 0; i < kMaxMetaclasses; ++i) {
    absl::StatusOr<Address> metatype = memory_.ReadPointer(at + runtime_.layout.PyObject.ob_type);
    if (!metatype.ok()) return std::move(metatype).status();
    if (*metatype == type_type_) return absl::OkStatus();
    ASSIGN_OR_RETURN(const uint64_t flags,
                     memory_.ReadValue<uint64_t>(*metatype + runtime_.layout.PyTypeObject.tp_flags));
    if ((flags & kTypeTypeSubclass) == 0) break;
    at = *metatype;
  }
  return NoType(object);
}

const TypeInfo& TypeTable::Find(Address type) {
  auto it = types_.find(type);
  if (it == types_.end()) {
    ReadChain(type);
    it = types_.find(type);
  }
  last_address_ = type;
  last_ = it->second.get();
  return *last_;
}

// Reads `type` and those of its bases that are not known yet, the bases first.
void TypeTable::ReadChain(Address type) {
  const auto& layout = runtime_.layout.PyTypeObject;
  std::vector<Address> chain;
  const TypeInfo* base = nullptr;
  absl::Status problem;
  Address at = type;  // null too, of a torn object: what cannot be read is known as such
  do {
    if (const auto it = types_.find(at); it != types_.end()) {
      base = it->second.get();
      break;
    }
    chain.push_back(at);
    if (chain.size() > kMaxBases) {
      problem = absl::DataLossError(absl::StrFormat("the bases of the type at %#x do not end", type.value()));
      chain.resize(1);
      break;
    }
    problem = CheckIsType(at);
    if (!problem.ok()) break;
    absl::StatusOr<Address> next = memory_.ReadPointer(at + layout.tp_base);
    if (!next.ok()) {
      problem = std::move(next).status();
      break;
    }
    at = *next;
  } while (at);
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    auto info = std::make_unique<TypeInfo>();
    info->address = *it;
    if (problem.ok() && base != nullptr) problem = base->problem;
    if (problem.ok()) problem = ReadInto(*info, base);
    info->problem = problem;
    base = types_.emplace(*it, std::move(info)).first->second.get();
  }
}

absl::Status TypeTable::ReadInto(TypeInfo& info, const TypeInfo* base) {
  const auto& layout = runtime_.layout.PyTypeObject;
  const Address type = info.address;
  ASSIGN_OR_RETURN(info.shape.flags, memory_.ReadValue<uint64_t>(type + layout.tp_flags));
  ASSIGN_OR_RETURN(info.shape.basic_size, memory_.ReadValue<int64_t>(type + layout.tp_basicsize));
  ASSIGN_OR_RETURN(info.shape.item_size, memory_.ReadValue<int64_t>(type + layout.tp_itemsize));
  ASSIGN_OR_RETURN(info.shape.dict_offset, memory_.ReadValue<int64_t>(type + layout.tp_dictoffset));
  ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(type + layout.tp_name));
  ASSIGN_OR_RETURN(info.name, memory_.ReadCString(name, kMaxNameBytes));
  if (info.shape.basic_size < 0 || info.shape.basic_size > kMaxBasicSize) {
    return absl::DataLossError(absl::StrFormat("instances of %d bytes", info.shape.basic_size));
  }
  info.shape.is_int = (info.shape.flags & kTypeLongSubclass) != 0;
  info.heap = (info.shape.flags & kTypeHeap) != 0;
  info.base = base;
  if (info.heap) {
    ASSIGN_OR_RETURN(info.cached_keys, memory_.ReadPointer(type + runtime_.layout.PyHeapTypeObject.ht_cached_keys));
  }
  RETURN_IF_ERROR(ReadMembers(type, info));
  if (layouts_ != nullptr) {
    if (const std::vector<TypeMember>* fields = layouts_->Find(info.name, info.shape.basic_size)) {
      info.members = *fields;
      info.declared = true;
    }
  }
  Classify(info);
  return absl::OkStatus();
}

absl::Status TypeTable::ReadMembers(Address type, TypeInfo& info) {
  const auto& layout = runtime_.layout.PyMemberDef;
  ASSIGN_OR_RETURN(Address at, memory_.ReadPointer(type + runtime_.layout.PyTypeObject.tp_members));
  if (at.is_null()) return absl::OkStatus();
  for (; info.members.size() < kMaxMembers; at = at + layout.size_) {
    ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(at + layout.name));
    if (name.is_null()) return absl::OkStatus();
    TypeMember member;
    ASSIGN_OR_RETURN(member.name, memory_.ReadCString(name, kMaxNameBytes));
    ASSIGN_OR_RETURN(member.code, memory_.ReadValue<int32_t>(at + layout.type));
    ASSIGN_OR_RETURN(member.offset, memory_.ReadValue<int64_t>(at + layout.offset));
    // How PyType_FromSpec is told of them (Objects/typeobject.c); they are no attributes.
    const bool is_instruction = member.name == "__dictoffset__" || member.name == "__weaklistoffset__" ||
                                member.name == "__weakrefoffset__" || member.name == "__vectorcalloffset__";
    if (!is_instruction) info.members.push_back(std::move(member));
  }
  return absl::DataLossError(absl::StrFormat("the members of the type at %#x do not end", type.value()));
}

// Says how instances are decoded.
void TypeTable::Classify(TypeInfo& info) {
  if (const auto it = by_symbol_.find(info.address); it != by_symbol_.end()) {
    info.decoder = it->second;
  } else {
    for (const DecoderEntry& entry : DecoderEntries()) {
      const bool has_address = entry.symbol != nullptr && runtime_.Symbol(entry.symbol);
      if (!has_address && MatchesByName(entry, info, runtime_.layout)) info.decoder = &entry;
    }
  }
  const TypeInfo* base = info.base;
  if (info.decoder == nullptr && !info.heap && base != nullptr && base->decoder != nullptr &&
      (base->decoder->traits & kTraitKnowsExtensions) != 0) {
    info.decoder = base->decoder;
  }
  if (info.decoder != nullptr) {
    info.decoded_as = &info;
  } else if (base != nullptr) {
    info.decoder = base->decoder;
    info.decoded_as = base->decoded_as;
    info.opaque = base->opaque;
    int64_t named = 0;
    for (const TypeMember& member : info.members) {
      if (member.offset >= base->shape.basic_size) named += MemberSize(member.code);
    }
    const bool own_dict = info.shape.dict_offset != 0 && base->shape.dict_offset == 0;
    if (own_dict && (info.shape.flags & kTypeManagedDict) == 0) named += 8;
    absl::StatusOr<int64_t> weak =
        memory_.ReadValue<int64_t>(info.address + runtime_.layout.PyTypeObject.tp_weaklistoffset);
    if (weak.ok() && *weak >= base->shape.basic_size) named += 8;
    // Less than a word is padding.
    if (info.shape.basic_size - base->shape.basic_size - named >= 8) {
      info.opaque = true;
      AddStruct(info, weak.value_or(0));
    }
    if (info.declared) info.opaque = false;
  }
  info.has_dict = info.shape.dict_offset != 0 || (info.shape.flags & kTypeManagedDict) != 0;
  if (info.decoder != nullptr && (info.decoder->traits & kTraitOwnsDict) != 0 &&
      info.shape.dict_offset == info.decoded_as->shape.dict_offset) {
    info.has_dict = false;
  }
  info.has_attributes = info.has_dict;
  for (const TypeInfo* type = &info; type != nullptr && !info.has_attributes; type = type->base) {
    if (type == info.decoded_as && (type->decoder->traits & kTraitPlain) == 0) break;
    if (!type->members.empty()) info.has_attributes = true;
  }
}

// What the type's own part of the struct holds, as far as something knows it. It stays opaque: what the fields mean is
// not known. What is a member by the type's own word, or holds its attributes or weak references, is not told twice.
void TypeTable::AddStruct(TypeInfo& info, int64_t weak_offset) {
  if (structs_ == nullptr || info.declared) return;
  if (notes_structs_) {
    if (absl::StatusOr<std::vector<Address>> functions = FunctionsOf(info.address); functions.ok()) {
      structs_->Note(info.address, info.shape.basic_size, *std::move(functions));
    }
    return;
  }
  const std::vector<TypeMember>* known = structs_->Find(info.address);
  if (known == nullptr) return;
  const int64_t begin = info.base->shape.basic_size;
  for (const TypeMember& field : *known) {
    const bool told = std::any_of(info.members.begin(), info.members.end(),
                                  [&](const TypeMember& each) { return each.offset == field.offset; });
    if (field.offset < begin || told || field.offset == info.shape.dict_offset || field.offset == weak_offset) continue;
    info.fields.push_back(field);
  }
}

// What lies where a type's slots do, and in its tables of methods and attributes.
absl::StatusOr<std::vector<Address>> TypeTable::FunctionsOf(Address type) {
  const Layout& layout = runtime_.layout;
  std::vector<uint64_t> words;
  RETURN_IF_ERROR(memory_.ReadArray(type, static_cast<uint64_t>(layout.PyTypeObject.size_) / 8, words));
  std::vector<Address> functions;
  for (const uint64_t word : words) {
    if (word != 0) functions.push_back(Address(word));
  }
  // Of a table whose entries have a name first, which the last has not.
  const auto add_table = [&](Offset table, Offset size, std::initializer_list<Offset> fields) -> absl::Status {
    ASSIGN_OR_RETURN(Address at, memory_.ReadPointer(type + table));
    for (size_t i = 0; i < kMaxMembers && !at.is_null(); ++i, at = at + size) {
      ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(at));
      if (name.is_null()) break;
      for (const Offset field : fields) {
        ASSIGN_OR_RETURN(const Address function, memory_.ReadPointer(at + field));
        if (!function.is_null()) functions.push_back(function);
      }
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(add_table(layout.PyTypeObject.tp_methods, layout.PyMethodDef.size_, {layout.PyMethodDef.ml_meth}));
  RETURN_IF_ERROR(add_table(layout.PyTypeObject.tp_getset, layout.PyGetSetDef.size_,
                            {layout.PyGetSetDef.get, layout.PyGetSetDef.set}));
  return functions;
}

}  // namespace pysnap
