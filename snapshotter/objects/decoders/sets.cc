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

absl::Status DecodeEntries(Crawl& crawl, Address object, proto::Sequence::Kind kind, proto::Object& out) {
  const auto& layout = crawl.layout().PySetObject;
  const auto& entry = crawl.layout().setentry;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const uint64_t used, memory.ReadValue<uint64_t>(object + layout.used));
  ASSIGN_OR_RETURN(const uint64_t fill, memory.ReadValue<uint64_t>(object + layout.fill));
  ASSIGN_OR_RETURN(const uint64_t mask, memory.ReadValue<uint64_t>(object + layout.mask));
  ASSIGN_OR_RETURN(const Address table, memory.ReadPointer(object + layout.table));
  if (mask > kMaxMask || (mask & (mask + 1)) != 0 || fill > mask + 1 || used > fill) {
    return absl::DataLossError(absl::StrFormat("a set of %d in %d slots", used, mask + 1));
  }
  proto::Sequence& sequence = *out.mutable_sequence();
  sequence.set_kind(kind);
  const uint64_t entry_size = static_cast<uint64_t>(entry.size_);
  if (crawl.GrantBytes(used * sizeof(uint64_t)) < used * sizeof(uint64_t) || (used > 0 && !crawl.CanDescend())) {
    crawl.MarkCut(out, used);
    return absl::OkStatus();
  }
  std::vector<std::byte> chunk;
  uint64_t count = 0;
  for (uint64_t first = 0; first <= mask && count < used; first += kChunkEntries) {
    const uint64_t entries = std::min(kChunkEntries, mask + 1 - first);
    absl::Status status =
        memory.ReadArray(table + static_cast<int64_t>(first * entry_size), entries * entry_size, chunk);
    if (!status.ok()) {
      out.set_length(used);
      return status;
    }
    for (uint64_t i = 0; i < entries; ++i) {
      const Address key(LoadWord(chunk.data() + i * entry_size + static_cast<size_t>(entry.key)));
      // Deleted entries have the hash -1, which no object has (Objects/setobject.c).
      const uint64_t hash = LoadWord(chunk.data() + i * entry_size + static_cast<size_t>(entry.hash));
      if (key.is_null() || hash == ~uint64_t{0}) continue;
      if (!crawl.CanDescend()) {
        crawl.MarkCut(out, used);
        return absl::OkStatus();
      }
      ++count;
      const uint32_t id = crawl.Ref(key);
      if (!crawl.touch_only()) sequence.add_item(id);
    }
  }
  if (count != used) {
    return absl::AbortedError(absl::StrFormat("caught while it changed: %d items, its length is %d", count, used));
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

}  // namespace pysnap
