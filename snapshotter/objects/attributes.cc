#include "snapshotter/objects/attributes.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/objects/registry.h"

namespace pysnap {
namespace {

using Attributes = google::protobuf::RepeatedPtrField<proto::Attribute>;

template <typename T>
absl::StatusOr<uint32_t> RefNumber(Crawl& crawl, Address field) {
  ASSIGN_OR_RETURN(const T value, crawl.memory().ReadValue<T>(field));
  return crawl.RefInt(static_cast<int64_t>(value));
}

absl::StatusOr<uint32_t> RefMember(Crawl& crawl, Address field, const TypeMember& member) {
  switch (member.code) {
    case kMemberObject:
    case kMemberObjectEx: {
      ASSIGN_OR_RETURN(const Address value, crawl.memory().ReadPointer(field));
      if (value.is_null() && member.code == kMemberObject) {
        return crawl.RefEssential(crawl.runtime().Symbol("_Py_NoneStruct"));
      }
      return crawl.RefMember(member, value);
    }
    case kMemberBool: {
      ASSIGN_OR_RETURN(const uint8_t value, crawl.memory().ReadValue<uint8_t>(field));
      return crawl.RefEssential(crawl.runtime().Symbol(value != 0 ? "_Py_TrueStruct" : "_Py_FalseStruct"));
    }
    case kMemberByte:
      return RefNumber<int8_t>(crawl, field);
    case kMemberUByte:
      return RefNumber<uint8_t>(crawl, field);
    case kMemberShort:
      return RefNumber<int16_t>(crawl, field);
    case kMemberUShort:
      return RefNumber<uint16_t>(crawl, field);
    case kMemberInt:
      return RefNumber<int32_t>(crawl, field);
    case kMemberUInt:
      return RefNumber<uint32_t>(crawl, field);
    case kMemberLong:
    case kMemberLongLong:
    case kMemberSsizeT:
      return RefNumber<int64_t>(crawl, field);
    default:
      // Floats, C strings and unsigned 64-bit numbers.
      return absl::UnimplementedError(absl::StrCat("the member ", member.name, " is of a C type that is not decoded"));
  }
}

absl::Status DecodeSplitValues(Crawl& crawl, Address keys, Address values, Attributes& attributes) {
  absl::Status problem;
  RETURN_IF_ERROR(VisitSplitValues(crawl.runtime(), crawl.memory(), keys, values, [&](Address key, Address value) {
    const Name& name = crawl.NameAt(key);
    if (!name.problem.ok()) {
      problem = name.problem;
      return true;
    }
    const uint32_t id = crawl.RefUnder(name.secret, value);
    if (!crawl.touch_only()) {
      proto::Attribute* attribute = attributes.Add();
      attribute->set_name(crawl.StringId(name));
      attribute->set_value(id);
    }
    return true;
  }));
  return problem;
}

}  // namespace

absl::Status DecodeMember(Crawl& crawl, Address object, const TypeMember& member, Attributes& fields) {
  ASSIGN_OR_RETURN(const uint32_t value, RefMember(crawl, object + member.offset, member));
  if (value == 0 || crawl.touch_only()) return absl::OkStatus();
  proto::Attribute* attribute = fields.Add();
  attribute->set_name(crawl.String(member.name));
  attribute->set_value(value);
  return absl::OkStatus();
}

absl::Status DecodeAttributes(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  if (!crawl.CanDescend()) {
    crawl.MarkLimited();
    return absl::ResourceExhaustedError(crawl.SpentBudget());
  }
  std::vector<const TypeInfo*> types;
  for (const TypeInfo* at = &type; at != nullptr; at = at->base) {
    if (at == type.decoded_as && (at->decoder->traits & kTraitPlain) == 0) break;
    if (!at->members.empty()) types.push_back(at);
  }
  absl::Status problem;
  for (auto it = types.rbegin(); it != types.rend(); ++it) {
    for (const TypeMember& member : (*it)->members) {
      const absl::Status status = DecodeMember(crawl, object, member, *out.mutable_attribute());
      if (problem.ok()) problem = status;
    }
  }
  if (!type.has_dict) return problem;

  const Runtime& runtime = crawl.runtime();
  ASSIGN_OR_RETURN(const InstanceAttributes attributes,
                   runtime.version->read_instance_attributes(runtime, crawl.memory(), object, type.shape));
  if (attributes.dict) {
    out.set_dict(crawl.Ref(attributes.dict));
  } else if (attributes.values) {
    if (type.cached_keys.is_null()) return absl::DataLossError("attribute values, and no keys for them");
    RETURN_IF_ERROR(DecodeSplitValues(crawl, type.cached_keys, attributes.values, *out.mutable_attribute()));
  }
  return problem;
}

}  // namespace pysnap
