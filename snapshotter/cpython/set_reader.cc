#include "snapshotter/cpython/set_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"

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

}  // namespace

absl::StatusOr<SetTable> ReadSetTable(const Runtime& runtime, Memory& memory, Address set) {
  const auto& layout = runtime.layout.PySetObject;
  SetTable table;
  ASSIGN_OR_RETURN(table.used, memory.ReadValue<uint64_t>(set + layout.used));
  ASSIGN_OR_RETURN(const uint64_t fill, memory.ReadValue<uint64_t>(set + layout.fill));
  ASSIGN_OR_RETURN(table.mask, memory.ReadValue<uint64_t>(set + layout.mask));
  ASSIGN_OR_RETURN(table.entries, memory.ReadPointer(set + layout.table));
  if (table.mask > kMaxMask || (table.mask & (table.mask + 1)) != 0 || fill > table.mask + 1 || table.used > fill) {
    return absl::DataLossError(absl::StrFormat("a set of %d in %d slots", table.used, table.mask + 1));
  }
  return table;
}

absl::StatusOr<uint64_t> VisitSet(const Runtime& runtime,
                                  Memory& memory,
                                  const SetTable& table,
                                  uint64_t first,
                                  uint64_t wanted,
                                  absl::FunctionRef<bool(Address)> visit) {
  const auto& entry = runtime.layout.setentry;
  const auto entry_size = static_cast<uint64_t>(entry.size_);
  std::vector<std::byte> chunk;
  uint64_t count = 0;
  for (; first <= table.mask && count < wanted; first += kChunkEntries) {
    const uint64_t entries = std::min(kChunkEntries, table.mask + 1 - first);
    const Address begin = table.entries + static_cast<int64_t>(first * entry_size);
    RETURN_IF_ERROR(memory.ReadArray(begin, entries * entry_size, chunk));
    for (uint64_t i = 0; i < entries && count < wanted; ++i) {
      const Address key(LoadWord(chunk.data() + i * entry_size + static_cast<size_t>(entry.key)));
      // Deleted entries have the hash -1, which no object has (Objects/setobject.c).
      const uint64_t hash = LoadWord(chunk.data() + i * entry_size + static_cast<size_t>(entry.hash));
      if (key.is_null() || hash == ~uint64_t{0}) continue;
      ++count;
      if (!visit(key)) return count;
    }
  }
  return count;
}

}  // namespace pysnap
