// The attributes of instances: __dict__ or what stands for it, __slots__ and other members.
#ifndef PYSNAP_OBJECTS_ATTRIBUTES_H_
#define PYSNAP_OBJECTS_ATTRIBUTES_H_

#include <string>

#include "absl/status/status.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"
#include "snapshotter/objects/crawl.h"
#include "snapshotter/objects/type_table.h"

namespace pysnap {

// Adds the attributes that types from `type` down to, not including, its `decoded_as` give the object, and its
// __dict__. What was added before an error is right.
absl::Status DecodeAttributes(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out);

// A text from C: what is no UTF-8 is given as the bytes that it is.
uint32_t RefText(Crawl& crawl, const std::string& text);

// Adds the object's value of one member to `fields`, unless it is unset.
absl::Status DecodeMember(Crawl& crawl,
                          Address object,
                          const TypeMember& member,
                          google::protobuf::RepeatedPtrField<proto::Attribute>& fields);

// The fields that debug information tells of (TypeInfo::fields), as parts. False when there are none.
bool DecodeFields(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out);

// Of an object of which nothing is known but its size: the objects that its struct points to, as parts that are called
// by where in the struct the pointer is, "+24". A pointer to an object is one to a count of references and a type.
void DecodeUnknown(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_ATTRIBUTES_H_
