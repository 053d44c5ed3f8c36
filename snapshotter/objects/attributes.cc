#include "snapshotter/objects/attributes.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/objects/decoders/decoders.h"
#include "snapshotter/objects/registry.h"
#include "snapshotter/objects/utf8_check.h"

namespace pysnap {
namespace {

using Attributes = google::protobuf::RepeatedPtrField<proto::Attribute>;

// A text of C is looked through for its end this far.
constexpr size_t kMaxText = size_t{64} << 10;

template <typename T>
absl::StatusOr<uint32_t> RefNumber(Crawl& crawl, Address field) {
  ASSIGN_OR_RETURN(const T value, crawl.memory().ReadValue<T>(field));
  return crawl.RefInt(static_cast<int64_t>(value));
}

absl::StatusOr<uint32_t> RefUnsigned(Crawl& crawl, Address field) {
  ASSIGN_OR_RETURN(const uint64_t value, crawl.memory().ReadValue<uint64_t>(field));
  if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return crawl.RefInt(static_cast<int64_t>(value));
  }
  proto::Object number;
  number.set_big_int(reinterpret_cast<const char*>(&value), sizeof(value));
  number.mutable_big_int()->push_back('\0');  // it is not negative
  return crawl.RefMade("PyLong_Type", std::move(number));
}

template <typename T>
absl::StatusOr<uint32_t> RefFloat(Crawl& crawl, Address field) {
  ASSIGN_OR_RETURN(const T value, crawl.memory().ReadValue<T>(field));
  proto::Object number;
  number.set_float_value(static_cast<double>(value));
  return crawl.RefMade("PyFloat_Type", std::move(number));
}

uint32_t RefNone(Crawl& crawl) { return crawl.RefEssential(crawl.runtime().Symbol("_Py_NoneStruct")); }

absl::StatusOr<int64_t> ReadCount(Crawl& crawl, Address object, const TypeMember& member) {
  if (member.count_code < 0) return member.count;
  uint64_t bits = 0;
  const auto size = static_cast<size_t>(MemberSize(member.count_code));
  RETURN_IF_ERROR(crawl.memory().Read(object + member.count_offset,
                                      absl::MakeSpan(reinterpret_cast<std::byte*>(&bits), std::min<size_t>(size, 8))));
  const int shift = 64 - 8 * static_cast<int>(size);
  const bool is_signed = member.count_code != kMemberUByte && member.count_code != kMemberUShort &&
                         member.count_code != kMemberUInt && member.count_code != kMemberULongLong;
  return is_signed ? static_cast<int64_t>(bits << shift) >> shift : static_cast<int64_t>(bits);
}

absl::StatusOr<uint32_t> RefBytes(Crawl& crawl, Address object, const TypeMember& member) {
  constexpr int64_t kMaxCount = int64_t{1} << 40;
  ASSIGN_OR_RETURN(const int64_t count, ReadCount(crawl, object, member));
  if (count < 0 || count > kMaxCount) return absl::DataLossError(absl::StrCat(count, " items of ", member.name));
  Address begin = object + member.offset;
  if (member.behind_pointer) {
    ASSIGN_OR_RETURN(begin, crawl.memory().ReadPointer(begin));
    if (begin.is_null()) return RefNone(crawl);
  }
  const auto size = static_cast<uint64_t>(count * member.item_size);
  const uint64_t granted = crawl.GrantContents(size).head;
  proto::Object value;
  if (crawl.touch_only()) {
    crawl.Touch(begin, granted);
  } else {
    RETURN_IF_ERROR(crawl.memory().ReadArray(begin, granted, *value.mutable_bytes_value()));
  }
  if (granted < size) crawl.MarkCut(value, size);
  return crawl.RefMade("PyBytes_Type", std::move(value));
}

// Of a member that is one; empty where it is null or none.
absl::StatusOr<std::string> ReadText(Crawl& crawl, Address field, const TypeMember& member) {
  Address text = field;
  if (member.code == kMemberString) {
    ASSIGN_OR_RETURN(text, crawl.memory().ReadPointer(field));
  } else if (member.code != kMemberStringInPlace) {
    return "";
  }
  return text.is_null() ? "" : crawl.memory().ReadCString(text, kMaxText);
}

absl::StatusOr<uint32_t> RefMember(Crawl& crawl, Address object, const TypeMember& member) {
  const Address field = object + member.offset;
  const bool is_object = member.code == kMemberObject || member.code == kMemberObjectEx;
  if (!is_object && crawl.IsSecretMember(member)) {
    if (absl::StatusOr<std::string> text = ReadText(crawl, field, member); text.ok()) crawl.AddSecretText(*text);
    proto::Object redacted;
    redacted.mutable_absent()->set_reason(proto::Absent::REDACTED);
    redacted.mutable_absent()->set_detail("its name looks secret");
    return crawl.RefMade("PyBaseObject_Type", std::move(redacted));
  }
  switch (member.code) {
    case kMemberObject:
    case kMemberObjectEx: {
      ASSIGN_OR_RETURN(const Address value, crawl.memory().ReadPointer(field));
      if (value.is_null() && member.code == kMemberObject) return RefNone(crawl);
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
    case kMemberULong:
    case kMemberULongLong:
      return RefUnsigned(crawl, field);
    case kMemberFloat:
      return RefFloat<float>(crawl, field);
    case kMemberDouble:
      return RefFloat<double>(crawl, field);
    case kMemberChar: {
      ASSIGN_OR_RETURN(const char value, crawl.memory().ReadValue<char>(field));
      return RefText(crawl, std::string(1, value));
    }
    case kMemberString: {
      ASSIGN_OR_RETURN(const Address text, crawl.memory().ReadPointer(field));
      if (text.is_null()) return RefNone(crawl);
      [[fallthrough]];
    }
    case kMemberStringInPlace: {
      ASSIGN_OR_RETURN(const std::string text, ReadText(crawl, field, member));
      return RefText(crawl, text);
    }
    case kMemberBytes:
      return RefBytes(crawl, object, member);
    default:
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

// Whether there is an object at an address at which there may be anything.
bool IsObject(Crawl& crawl, Address address) {
  const auto& layout = crawl.layout().PyObject;
  // How many references there are is in the low half, and above it at most a few flags in the highest bits (3.14,
  // Include/object.h). An address has something in between.
  constexpr uint64_t kBetween = uint64_t{0xffff} << 32;
  const absl::StatusOr<uint64_t> references = crawl.memory().ReadValue<uint64_t>(address + layout.ob_refcnt);
  if (!references.ok() || (*references & kBetween) != 0 || static_cast<uint32_t>(*references) == 0) return false;
  const absl::StatusOr<Address> type = crawl.memory().ReadPointer(address + layout.ob_type);
  if (!type.ok() || type->value() % sizeof(uint64_t) != 0 || !crawl.types().CheckIsType(*type).ok()) return false;
  // A struct of pointers to types, as modules keep one, has such an address there where it is a small one.
  return !crawl.types().CheckIsType(Address(*references)).ok();
}

// Those of the type and its bases that have members or fields which no decoder tells, the lowest base first.
std::vector<const TypeInfo*> TypesToTell(const TypeInfo& type) {
  std::vector<const TypeInfo*> types;
  for (const TypeInfo* at = &type; at != nullptr; at = at->base) {
    if (at == type.decoded_as && (at->decoder->traits & kTraitPlain) == 0) break;
    if (!at->members.empty() || !at->fields.empty()) types.push_back(at);
  }
  std::reverse(types.begin(), types.end());
  return types;
}

}  // namespace

uint32_t RefText(Crawl& crawl, const std::string& text) {
  proto::Object value;
  const bool is_text = IsUtf8(text);
  if (is_text) {
    value.set_str(text);
  } else {
    value.set_bytes_value(text);
  }
  return crawl.RefMade(is_text ? "PyUnicode_Type" : "PyBytes_Type", std::move(value));
}

absl::Status DecodeMember(Crawl& crawl, Address object, const TypeMember& member, Attributes& fields) {
  ASSIGN_OR_RETURN(const uint32_t value, RefMember(crawl, object, member));
  if (value == 0 || crawl.touch_only()) return absl::OkStatus();
  proto::Attribute* attribute = fields.Add();
  attribute->set_name(crawl.String(member.name));
  attribute->set_value(value);
  return absl::OkStatus();
}

bool DecodeFields(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  bool any = false;
  // They are not known yet.
  if (crawl.touch_only()) crawl.Touch(object, static_cast<uint64_t>(type.shape.basic_size));
  for (const TypeInfo* at : TypesToTell(type)) {
    for (const TypeMember& field : at->fields) {
      any = true;
      const absl::Status status = DecodeMember(crawl, object, field, *out.mutable_parts()->mutable_part());
      if (!status.ok()) AddAbsentPart(crawl, field.name, status, out);
    }
  }
  return any;
}

void DecodeUnknown(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  constexpr int64_t kMaxStruct = 4096;
  constexpr int64_t kWord = sizeof(uint64_t);
  const Layout& layout = crawl.layout();
  const auto count = static_cast<size_t>(std::min(type.shape.basic_size, kMaxStruct) / kWord);
  std::vector<uint64_t> words;
  if (!crawl.memory().ReadArray(object, count, words).ok()) return;
  for (size_t i = static_cast<size_t>(layout.PyObject.size_ / kWord); i < words.size(); ++i) {
    const Address target(words[i]);
    if (target.is_null() || target == object || words[i] % kWord != 0 || !crawl.CanDescend()) continue;
    if (!IsObject(crawl, target)) continue;
    AddObjectPart(crawl, absl::StrCat("+", i * kWord), target, out);
  }
}

absl::Status DecodeAttributes(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  if (!crawl.CanDescend()) {
    crawl.MarkLimited();
    return absl::ResourceExhaustedError(crawl.SpentBudget());
  }
  absl::Status problem;
  for (const TypeInfo* at : TypesToTell(type)) {
    for (const TypeMember& member : at->members) {
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
