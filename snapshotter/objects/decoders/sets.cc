// set and frozenset.
#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kChunkEntries = 1024;
// Bounds the time that a corrupted table can take.
constexpr uint64_t kMaxMask = (uint64_t{1} << 28) - 1;

uint64_t LoadWord(const std::byte* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

struct Table {
  uint64_t used;
  uint64_t mask;
  Address entries;
};

absl::StatusOr<Table> ReadTable(Crawl& crawl, Address set) {
  const auto& layout = crawl.layout().PySetObject;
  Memory& memory = crawl.memory();
  Table table;
  ASSIGN_OR_RETURN(table.used, memory.ReadValue<uint64_t>(set + layout.used));
  ASSIGN_OR_RETURN(const uint64_t fill, memory.ReadValue<uint64_t>(set + layout.fill));
  ASSIGN_OR_RETURN(table.mask, memory.ReadValue<uint64_t>(set + layout.mask));
  ASSIGN_OR_RETURN(table.entries, memory.ReadPointer(set + layout.table));
  if (table.mask > kMaxMask || (table.mask & (table.mask + 1)) != 0 || fill > table.mask + 1 || table.used > fill) {
    return absl::DataLossError(absl::StrFormat("a set of %d in %d slots", table.used, table.mask + 1));
  }
  return table;
}

// Gives the elements from slot `first` on to `add`, in the order of an iterator, until there were `wanted` or `add`
// says false. How many there were.
template <typename Add>
absl::StatusOr<uint64_t> ForEachElement(
    Crawl& crawl, const Table& table, uint64_t first, uint64_t wanted, const Add& add) {
  const auto& entry = crawl.layout().setentry;
  const uint64_t entry_size = static_cast<uint64_t>(entry.size_);
  std::vector<std::byte> chunk;
  uint64_t count = 0;
  for (; first <= table.mask && count < wanted; first += kChunkEntries) {
    const uint64_t entries = std::min(kChunkEntries, table.mask + 1 - first);
    const Address begin = table.entries + static_cast<int64_t>(first * entry_size);
    RETURN_IF_ERROR(crawl.memory().ReadArray(begin, entries * entry_size, chunk));
    for (uint64_t i = 0; i < entries && count < wanted; ++i) {
      const Address key(LoadWord(chunk.data() + i * entry_size + static_cast<size_t>(entry.key)));
      // Deleted entries have the hash -1, which no object has (Objects/setobject.c).
      const uint64_t hash = LoadWord(chunk.data() + i * entry_size + static_cast<size_t>(entry.hash));
      if (key.is_null() || hash == ~uint64_t{0}) continue;
      ++count;
      if (!add(key)) return count;
    }
  }
  return count;
}

absl::Status DecodeEntries(Crawl& crawl, Address object, proto::Sequence::Kind kind, proto::Object& out) {
  ASSIGN_OR_RETURN(const Table table, ReadTable(crawl, object));
  const uint64_t used = table.used;
  proto::Sequence& sequence = *out.mutable_sequence();
  sequence.set_kind(kind);
  const uint64_t granted = crawl.GrantItems(used, sizeof(uint64_t));
  bool cut = granted < used;
  if (cut) crawl.MarkCut(out, used);
  const absl::StatusOr<uint64_t> count = ForEachElement(crawl, table, 0, granted, [&](Address key) {
    if (!crawl.CanDescend()) {
      crawl.MarkCut(out, used);
      cut = true;
      return false;
    }
    const uint32_t id = crawl.Ref(key);
    if (!crawl.touch_only()) sequence.add_item(id);
    return true;
  });
  if (!count.ok()) {
    out.set_length(used);
    return count.status();
  }
  if (!cut && *count != used) {
    return absl::AbortedError(absl::StrFormat("caught while it changed: %d items, its length is %d", *count, used));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeSet(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeEntries(crawl, object, proto::Sequence::SET, out);
}

absl::Status DecodeFrozenSet(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeEntries(crawl, object, proto::Sequence::FROZENSET, out);
}

// Objects/setobject.c. Items: what is left, in the order of this set's table, which no other set need have; none where
// the set has changed since.
absl::Status DecodeSetIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().setiterobject;
  Memory& memory = crawl.memory();
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"size", layout.si_used}, {"remaining", layout.len}}, out));
  RETURN_IF_ERROR(AddPart(crawl, "set", object, layout.si_set, out));
  ASSIGN_OR_RETURN(const Address set, memory.ReadPointer(object + layout.si_set));
  if (set.is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Table table, ReadTable(crawl, set));
  ASSIGN_OR_RETURN(const uint64_t size, memory.ReadValue<uint64_t>(object + layout.si_used));
  ASSIGN_OR_RETURN(const uint64_t first, memory.ReadValue<uint64_t>(object + layout.si_pos));
  ASSIGN_OR_RETURN(const uint64_t remaining, memory.ReadValue<uint64_t>(object + layout.len));
  if (size != table.used) return absl::OkStatus();
  if (remaining > size || first > table.mask + 1) {
    return absl::DataLossError(absl::StrFormat("%d of %d are left, from slot %d on", remaining, size, first));
  }
  const uint64_t granted = crawl.GrantItems(remaining, sizeof(uint64_t));
  if (granted < remaining) crawl.MarkCut(out, remaining);
  return ForEachElement(crawl, table, first, granted,
                        [&](Address key) {
                          if (!crawl.CanDescend()) {
                            crawl.MarkCut(out, remaining);
                            return false;
                          }
                          AddItem(crawl, key, out);
                          return true;
                        })
      .status();
}

}  // namespace pysnap
