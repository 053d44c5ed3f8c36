// Instances of the standard library's types on a TargetHeap.
#ifndef PYSNAP_TESTS_SUPPORT_LIBRARY_OBJECTS_H_
#define PYSNAP_TESTS_SUPPORT_LIBRARY_OBJECTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/target_heap.h"

namespace pysnap::testing {

Address TimeDelta(TargetHeap& heap, int32_t days, int32_t seconds, int32_t microseconds);
// `data`: as it is packed, 10 bytes. Without a zone when it is null.
Address DateTime(TargetHeap& heap, const std::vector<uint8_t>& data, Address zone);
// `words`: the coefficient's, the lowest first.
Address Decimal(TargetHeap& heap, uint8_t flags, int64_t exponent, int64_t digits, const std::vector<uint64_t>& words);
Address Array(TargetHeap& heap, char code, int32_t item_size, const std::string& items);
Address ListIterator(TargetHeap& heap, Address list, int64_t index);

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_LIBRARY_OBJECTS_H_
