// set and frozenset.
#include "absl/strings/str_format.h"
#include "snapshotter/cpython/set_reader.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

absl::Status DecodeEntries(Crawl& crawl, Address object, proto::Sequence::Kind kind, proto::Object& out) {
  ASSIGN_OR_RETURN(const SetTable table, ReadSetTable(crawl.runtime(), crawl.memory(), object));
  const uint64_t used = table.used;
  proto::Sequence& sequence = *out.mutable_sequence();
  sequence.set_kind(kind);
  const uint64_t granted = crawl.GrantItems(used, sizeof(uint64_t));
  bool cut = granted < used;
  if (cut) crawl.MarkCut(out, used);
  const absl::StatusOr<uint64_t> count = VisitSet(crawl.runtime(), crawl.memory(), table, 0, granted, [&](Address key) {
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
  ASSIGN_OR_RETURN(const SetTable table, ReadSetTable(crawl.runtime(), memory, set));
  ASSIGN_OR_RETURN(const uint64_t size, memory.ReadValue<uint64_t>(object + layout.si_used));
  ASSIGN_OR_RETURN(const uint64_t first, memory.ReadValue<uint64_t>(object + layout.si_pos));
  ASSIGN_OR_RETURN(const uint64_t remaining, memory.ReadValue<uint64_t>(object + layout.len));
  if (size != table.used) return absl::OkStatus();
  if (remaining > size || first > table.mask + 1) {
    return absl::DataLossError(absl::StrFormat("%d of %d are left, from slot %d on", remaining, size, first));
  }
  const uint64_t granted = crawl.GrantItems(remaining, sizeof(uint64_t));
  if (granted < remaining) crawl.MarkCut(out, remaining);
  return VisitSet(crawl.runtime(), memory, table, first, granted,
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
