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
// Of which `remaining` elements from this slot of its table on are left; `size` is how many it had when it began.
Address SetIterator(TargetHeap& heap, Address set, int64_t size, int64_t slot, int64_t remaining);
// A tee after `index` steps in this link.
Address Tee(TargetHeap& heap, Address link, int32_t index);
// A link in the chain of what was read; `count` is what it says that it holds.
Address TeeLink(TargetHeap& heap, Address iterator, const std::vector<Address>& values, int32_t count, Address next);
// A group of a groupby, which is in turn or not.
Address Grouper(TargetHeap& heap, Address iterator, Address key, bool in_turn);
Address ContextVariable(TargetHeap& heap, const std::string& name);
// `pairs`: variables and values; `length` is what its tree says that it holds. With each kind of node: the first pair
// is in one of those that share a hash, below an array, below a bitmap that holds the others.
Address Context(TargetHeap& heap, const std::vector<Address>& pairs, int64_t length);
// After `index` steps; `length` is how many there were at first.
Address RangeIterator(TargetHeap& heap, int64_t start, int64_t step, int64_t length, int64_t index);
Address MemoryView(TargetHeap& heap,
                   Address buffer,
                   int64_t item_size,
                   const std::vector<int64_t>& shape,
                   const std::vector<int64_t>& strides,
                   const char* format);
Address BytesIo(TargetHeap& heap, Address bytes, int64_t size, int64_t position);
// `marks`: of each group, where it begins and ends.
Address Match(TargetHeap& heap, Address pattern, Address string, int64_t groups, const std::vector<int64_t>& marks);
Address RLock(TargetHeap& heap, uint64_t owner, uint64_t count);
// Whose characters are in a buffer.
Address StringIo(TargetHeap& heap, const std::u32string& text, int64_t size, int64_t position);
// That is only written, as from 3.12 on; `width` is that of a character.
Address WrittenStringIo(TargetHeap& heap, const std::string& characters, int32_t width, int64_t length);
// Of which the first `gone` of the items are gone.
Address SimpleQueue(TargetHeap& heap, const std::vector<Address>& items, int64_t gone);
// The lowest bit of `text` is set if it is a list of what is yet to be joined.
Address Element(TargetHeap& heap, Address tag, Address text, Address attributes, const std::vector<Address>& children);
// The bits of a FileIO's byte of flags are created, readable, writable, appending.
Address FileIo(TargetHeap& heap, int32_t fd, uint8_t flags);
// What is in the buffer between the two has not been written yet.
Address BufferedWriter(TargetHeap& heap, Address raw, const std::string& buffer, int64_t begin, int64_t end);
Address TextFile(TargetHeap& heap, Address buffer, Address encoding);
Address Socket(TargetHeap& heap, int32_t fd, int64_t timeout);
Address Combinations(TargetHeap& heap, Address pool, int64_t r, const std::vector<int64_t>& indices, Address result);

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_LIBRARY_OBJECTS_H_
