// Bits of tp_flags (Include/object.h). Their meaning is the same in every version that sets them.
#ifndef PYSNAP_CPYTHON_TYPE_FLAGS_H_
#define PYSNAP_CPYTHON_TYPE_FLAGS_H_

#include <cstdint>

namespace pysnap {

inline constexpr uint64_t kTypeInlineValues = uint64_t{1} << 2;  // 3.13+
inline constexpr uint64_t kTypeManagedDict = uint64_t{1} << 4;   // 3.11+
inline constexpr uint64_t kTypeHeap = uint64_t{1} << 9;
inline constexpr uint64_t kTypeReady = uint64_t{1} << 12;
inline constexpr uint64_t kTypeLongSubclass = uint64_t{1} << 24;
inline constexpr uint64_t kTypeListSubclass = uint64_t{1} << 25;
inline constexpr uint64_t kTypeTupleSubclass = uint64_t{1} << 26;
inline constexpr uint64_t kTypeBytesSubclass = uint64_t{1} << 27;
inline constexpr uint64_t kTypeUnicodeSubclass = uint64_t{1} << 28;
inline constexpr uint64_t kTypeDictSubclass = uint64_t{1} << 29;
inline constexpr uint64_t kTypeBaseExcSubclass = uint64_t{1} << 30;
inline constexpr uint64_t kTypeTypeSubclass = uint64_t{1} << 31;

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_TYPE_FLAGS_H_
