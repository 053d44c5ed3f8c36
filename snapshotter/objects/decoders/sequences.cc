// tuple, list, collections.deque.
#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kChunkItems = 2048;
constexpr uint64_t kMaxItems = uint64_t{1} << 44;
constexpr int64_t kPointerSize = 8;

// Refers to one item. False when the budgets are spent.
bool AddItem(Crawl& crawl, Address item, proto::Sequence& out) {
  if (!crawl.CanDescend()) return false;
  const uint32_t id = crawl.Ref(item);
  if (!crawl.touch_only()) out.add_item(id);
  return true;
}

// A pair whose first half is a name, as header lists have them: the second is a named value.
absl::Status DecodePair(Crawl& crawl, Address pair, Address items, proto::Sequence& out) {
  ASSIGN_OR_RETURN(const Address first, crawl.memory().ReadPointer(items));
  ASSIGN_OR_RETURN(const Address second, crawl.memory().ReadPointer(items + kPointerSize));
  const uint32_t first_id = crawl.Ref(first);
  const uint32_t second_id = crawl.RefUnder(crawl.IsNamedByFirst(pair, first, first_id, second), second);
  if (!crawl.touch_only()) {
    out.add_item(first_id);
    out.add_item(second_id);
  }
  return absl::OkStatus();
}

absl::Status DecodeItems(Crawl& crawl, Address items, uint64_t count, proto::Object& out) {
  proto::Sequence& sequence = *out.mutable_sequence();
  const uint64_t granted = crawl.GrantItems(count, kPointerSize);
  std::vector<uint64_t> chunk;
  for (uint64_t done = 0; done < granted;) {
    absl::Status status = crawl.memory().ReadArray(items + static_cast<int64_t>(done) * kPointerSize,
                                                   std::min(kChunkItems, granted - done), chunk);
    if (!status.ok()) {
      out.set_length(count);
      return status;
    }
    for (const uint64_t item : chunk) {
      if (!AddItem(crawl, Address(item), sequence)) {
        crawl.MarkCut(out, count);
        return absl::OkStatus();
      }
    }
    done += chunk.size();
  }
  if (granted < count) crawl.MarkCut(out, count);
  return absl::OkStatus();
}

absl::Status BadSize(int64_t size) { return absl::DataLossError(absl::StrFormat("a sequence of %d items", size)); }

}  // namespace

absl::Status DecodeTuple(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const int64_t size, crawl.memory().ReadValue<int64_t>(object + crawl.layout().PyVarObject.ob_size));
  if (size < 0 || static_cast<uint64_t>(size) > kMaxItems) return BadSize(size);
  out.mutable_sequence()->set_kind(proto::Sequence::TUPLE);
  const Address items = object + crawl.layout().PyTupleObject.ob_item;
  if (size == 2 && crawl.CanDescend() && crawl.options().max_items != 1) {
    return DecodePair(crawl, object, items, *out.mutable_sequence());
  }
  return DecodeItems(crawl, items, static_cast<uint64_t>(size), out);
}

absl::Status DecodeList(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyListObject;
  ASSIGN_OR_RETURN(const int64_t size, crawl.memory().ReadValue<int64_t>(object + crawl.layout().PyVarObject.ob_size));
  ASSIGN_OR_RETURN(const int64_t allocated, crawl.memory().ReadValue<int64_t>(object + layout.allocated));
  ASSIGN_OR_RETURN(const Address items, crawl.memory().ReadPointer(object + layout.ob_item));
  // list.sort empties the list and marks it so while it works (Objects/listobject.c: list_sort_impl).
  if (size == 0 && allocated == -1) return absl::AbortedError("being sorted");
  if (size < 0 || static_cast<uint64_t>(size) > kMaxItems) return BadSize(size);
  if (size > allocated || (size > 0 && items.is_null())) {
    return absl::DataLossError(absl::StrFormat("a list of %d items has room for %d", size, allocated));
  }
  out.mutable_sequence()->set_kind(proto::Sequence::LIST);
  return DecodeItems(crawl, items, static_cast<uint64_t>(size), out);
}

absl::Status DecodeDeque(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().dequeobject;
  const auto& block_layout = crawl.layout()._dequeblock;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const int64_t size, memory.ReadValue<int64_t>(object + crawl.layout().PyVarObject.ob_size));
  ASSIGN_OR_RETURN(Address block, memory.ReadPointer(object + layout.leftblock));
  ASSIGN_OR_RETURN(int64_t index, memory.ReadValue<int64_t>(object + layout.leftindex));
  ASSIGN_OR_RETURN(const Address last_block, memory.ReadPointer(object + layout.rightblock));
  ASSIGN_OR_RETURN(const int64_t last_index, memory.ReadValue<int64_t>(object + layout.rightindex));
  ASSIGN_OR_RETURN(const int64_t max_length, memory.ReadValue<int64_t>(object + layout.maxlen));
  if (size < 0 || static_cast<uint64_t>(size) > kMaxItems) return BadSize(size);
  const int64_t block_length = (block_layout.size_ - 2 * kPointerSize) / kPointerSize;
  // Only an operation in progress leaves it at the end of a block (Modules/_collectionsmodule.c: deque_popleft,
  // deque_appendleft): the items begin in the next one.
  if (index == block_length && size > 0) {
    ASSIGN_OR_RETURN(block, memory.ReadPointer(block + block_layout.rightlink));
    index = 0;
  }
  if (index < 0 || index > block_length) return absl::DataLossError(absl::StrFormat("a deque starts at %d", index));
  const absl::Status torn = absl::AbortedError("being changed");
  if (size > 0 && (index + size - 1) % block_length != last_index) return torn;

  out.mutable_sequence()->set_kind(proto::Sequence::DEQUE);
  if (max_length >= 0) {
    const uint32_t id = crawl.RefInt(max_length);
    if (!crawl.touch_only()) {
      proto::Attribute* attribute = out.add_attribute();
      attribute->set_name(crawl.String("maxlen"));
      attribute->set_value(id);
    }
  }
  proto::Sequence& sequence = *out.mutable_sequence();
  const uint64_t granted = crawl.GrantItems(static_cast<uint64_t>(size), kPointerSize);
  std::vector<uint64_t> items;
  for (uint64_t done = 0; done < granted;) {
    const uint64_t count = std::min(granted - done, static_cast<uint64_t>(block_length - index));
    absl::Status status = memory.ReadArray(block + block_layout.data + index * kPointerSize, count, items);
    if (!status.ok()) {
      out.set_length(static_cast<uint64_t>(size));
      return status;
    }
    for (const uint64_t item : items) {
      if (!AddItem(crawl, Address(item), sequence)) {
        crawl.MarkCut(out, static_cast<uint64_t>(size));
        return absl::OkStatus();
      }
    }
    done += count;
    index = 0;
    if (done == static_cast<uint64_t>(size) && block != last_block) {
      out.clear_sequence();
      return torn;
    }
    if (done < granted) {
      ASSIGN_OR_RETURN(block, memory.ReadPointer(block + block_layout.rightlink));
    }
  }
  if (granted < static_cast<uint64_t>(size)) crawl.MarkCut(out, static_cast<uint64_t>(size));
  return absl::OkStatus();
}

}  // namespace pysnap
