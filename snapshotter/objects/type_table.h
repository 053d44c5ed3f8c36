// What is known of the types of the target's objects.
#ifndef PYSNAP_OBJECTS_TYPE_TABLE_H_
#define PYSNAP_OBJECTS_TYPE_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/behaviours/dict_shape.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/declared_layouts.h"
#include "snapshotter/objects/struct_source.h"
#include "snapshotter/objects/type_member.h"

namespace pysnap {

struct DecoderEntry;

struct TypeInfo {
  Address address;
  // Why objects of this type cannot be decoded; the other members are then not to be relied on.
  absl::Status problem;

  std::string name;  // tp_name
  InstanceShape shape;
  bool heap = false;
  // The type its C struct extends (tp_base); null for object.
  const TypeInfo* base = nullptr;
  // The members this type adds; what somebody has declared of it goes before what it says itself.
  std::vector<TypeMember> members;
  bool declared = false;
  // What debug information says that its part of the struct has besides; these are no attributes.
  std::vector<TypeMember> fields;
  // Decodes the value of an instance: the type's own decoder or that of its nearest base that has one.
  const DecoderEntry* decoder = nullptr;
  // The type that `decoder` is for.
  const TypeInfo* decoded_as = nullptr;
  // The struct has bytes that neither the decoder nor members nor attributes account for.
  bool opaque = false;
  // An instance may have a __dict__.
  bool has_dict = false;
  // Members above `decoded_as`, or a __dict__: there is something to read besides the value.
  bool has_attributes = false;
  // ht_cached_keys; null when there are none.
  Address cached_keys;

  // Whether this is `ancestor` or extends its struct.
  bool Extends(const TypeInfo* ancestor) const;
};

// Reads each type once. Not thread-safe.
class TypeTable {
 public:
  // All outlive the table. `layouts` and `structs` may be null. `notes_structs`: what is asked for of those is noted,
  // and not looked up.
  TypeTable(const Runtime& runtime,
            Memory& memory,
            const DeclaredLayouts* layouts,
            StructSource* structs = nullptr,
            bool notes_structs = false);

  // Never fails: see TypeInfo::problem. The reference lives as long as the table.
  const TypeInfo& Get(Address type) {
    if (last_ != nullptr && type == last_address_) return *last_;
    return Find(type);
  }

  // Checks that `object` is a type: the chain of ob_type ends at `type` and all in it are metaclasses.
  absl::Status CheckIsType(Address object);

 private:
  const TypeInfo& Find(Address type);
  void ReadChain(Address type);
  absl::Status ReadInto(TypeInfo& info, const TypeInfo* base);
  absl::Status ReadMembers(Address type, TypeInfo& info);
  void Classify(TypeInfo& info);
  void AddStruct(TypeInfo& info, int64_t weak_offset);
  absl::StatusOr<std::vector<Address>> FunctionsOf(Address type);

  const Runtime& runtime_;
  Memory& memory_;
  const DeclaredLayouts* layouts_;
  StructSource* structs_;
  const bool notes_structs_;
  const Address type_type_;
  absl::flat_hash_map<Address, std::unique_ptr<TypeInfo>> types_;
  absl::flat_hash_map<Address, const DecoderEntry*> by_symbol_;
  Address last_address_;
  const TypeInfo* last_ = nullptr;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_TYPE_TABLE_H_
