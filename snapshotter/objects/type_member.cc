#include "snapshotter/objects/type_member.h"

namespace pysnap {

int MemberSize(int32_t code) {
  switch (code) {
    case kMemberByte:
    case kMemberUByte:
    case kMemberBool:
    case kMemberChar:
      return 1;
    case kMemberShort:
    case kMemberUShort:
      return 2;
    case kMemberInt:
    case kMemberUInt:
    case kMemberFloat:
      return 4;
    case kMemberLong:
    case kMemberULong:
    case kMemberLongLong:
    case kMemberULongLong:
    case kMemberSsizeT:
    case kMemberDouble:
    case kMemberString:
    case kMemberObject:
    case kMemberObjectEx:
      return 8;
    default:
      return 0;
  }
}

}  // namespace pysnap
