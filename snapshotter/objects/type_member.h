// A field of an object's C struct that is an attribute of the object.
#ifndef PYSNAP_OBJECTS_TYPE_MEMBER_H_
#define PYSNAP_OBJECTS_TYPE_MEMBER_H_

#include <cstdint>
#include <string>

namespace pysnap {

// What a field is. To kMemberBytes as in PyMemberDef.type (Include/descrobject.h, Include/structmember.h); the same
// numbers in every version.
enum MemberCode : int32_t {
  kMemberShort = 0,
  kMemberInt = 1,
  kMemberLong = 2,
  kMemberFloat = 3,
  kMemberDouble = 4,
  kMemberString = 5,  // char*, null reads as None
  kMemberObject = 6,  // null reads as None
  kMemberChar = 7,    // a str of length 1
  kMemberByte = 8,
  kMemberUByte = 9,
  kMemberUShort = 10,
  kMemberUInt = 11,
  kMemberULong = 12,
  kMemberStringInPlace = 13,  // char[]
  kMemberBool = 14,
  kMemberObjectEx = 16,  // null: unset
  kMemberLongLong = 17,
  kMemberULongLong = 18,
  kMemberSsizeT = 19,
  // Of declared layouts alone: bytes, in the struct or where a pointer leads.
  kMemberBytes = 100,
};

// A PyMemberDef, a slot of a class, or a field of a declared layout.
struct TypeMember {
  std::string name;
  int32_t code = 0;  // MemberCode
  int64_t offset = 0;

  // Of kMemberBytes: of how many items of how many bytes each, and whether behind a pointer. The count is a field of
  // the struct when `count_code` says what kind of one, at `count_offset`.
  int64_t item_size = 1;
  int64_t count = 0;
  int32_t count_code = -1;
  int64_t count_offset = 0;
  bool behind_pointer = false;
};

// Size of such a field in bytes; 0 for those that have none of their own.
int MemberSize(int32_t code);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_TYPE_MEMBER_H_
