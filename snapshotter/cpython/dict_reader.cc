#include "snapshotter/cpython/dict_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr size_t kChunkBytes = 16 * 1024;
constexpr uint64_t kMaxLength = uint64_t{1} << 40;

Address LoadPointer(const std::byte* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return Address(value);
}

absl::Status NoKey(uint64_t index) {
  return absl::DataLossError(absl::StrFormat("entry %d of a dict has a value and no key", index));
}

// Visits a combined table and counts the entries.
absl::Status VisitTable(Memory& memory, const DictKeysShape& shape, VisitEntry visit, uint64_t& count, bool& ended) {
  std::array<std::byte, kChunkBytes> chunk;
  if (shape.entry_size == 0 || shape.entry_size > 64) return absl::InternalError("no layout of dict entries");
  const uint64_t per_chunk = kChunkBytes / shape.entry_size;
  Address from = shape.entries;
  for (uint64_t first = 0; first < shape.entry_count; first += per_chunk) {
    const uint64_t entries = std::min(per_chunk, shape.entry_count - first);
    const size_t bytes = static_cast<size_t>(entries) * shape.entry_size;
    RETURN_IF_ERROR(memory.Read(from, absl::MakeSpan(chunk.data(), bytes)));
    for (uint64_t i = 0; i < entries; ++i) {
      const std::byte* entry = chunk.data() + i * shape.entry_size;
      const Address key = LoadPointer(entry + shape.key_offset);
      const Address value = LoadPointer(entry + shape.value_offset);
      if (value.is_null()) continue;  // deleted
      if (key.is_null()) return NoKey(first + i);
      ++count;
      if (!visit(key, value)) {
        ended = true;
        return absl::OkStatus();
      }
    }
    from = from + static_cast<int64_t>(bytes);
  }
  return absl::OkStatus();
}

absl::Status VisitSplit(const Runtime& runtime,
                        Memory& memory,
                        Address keys,
                        Address values,
                        VisitEntry visit,
                        uint64_t& count,
                        bool& ended) {
  const VersionSupport& version = *runtime.version;
  ASSIGN_OR_RETURN(const DictKeysShape shape, version.read_dict_keys(runtime, memory, keys));
  ASSIGN_OR_RETURN(const SplitValues split, version.read_split_values(runtime, memory, values));
  // Shared keys are few: CPython stops sharing long before.
  constexpr uint64_t kMaxSharedKeys = 1 << 16;
  if (shape.entry_count > kMaxSharedKeys) {
    return absl::DataLossError(absl::StrFormat("%d shared keys", shape.entry_count));
  }
  std::vector<std::byte> entries;
  RETURN_IF_ERROR(memory.ReadArray(shape.entries, shape.entry_count * shape.entry_size, entries));
  std::vector<uint64_t> array;
  const uint64_t length = std::min(split.capacity, shape.entry_count);
  RETURN_IF_ERROR(memory.ReadArray(split.array, length, array));
  const uint64_t steps = split.in_key_order ? length : split.order.size();
  for (uint64_t step = 0; step < steps; ++step) {
    const uint64_t index = split.in_key_order ? step : split.order[step];
    if (index >= length) return absl::DataLossError(absl::StrFormat("attribute %d of %d", index, length));
    const Address value(array[index]);
    if (value.is_null()) continue;  // not set
    const Address key = LoadPointer(entries.data() + index * shape.entry_size + shape.key_offset);
    if (key.is_null()) return NoKey(index);
    ++count;
    if (!visit(key, value)) {
      ended = true;
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> ReadDictLength(const Runtime& runtime, Memory& memory, Address dict) {
  ASSIGN_OR_RETURN(const uint64_t used, memory.ReadValue<uint64_t>(dict + runtime.layout.PyDictObject.ma_used));
  if (used > kMaxLength) return absl::DataLossError(absl::StrFormat("a dict of %d entries", used));
  return used;
}

absl::Status VisitDict(const Runtime& runtime, Memory& memory, Address dict, VisitEntry visit) {
  const auto& layout = runtime.layout.PyDictObject;
  ASSIGN_OR_RETURN(const uint64_t used, ReadDictLength(runtime, memory, dict));
  ASSIGN_OR_RETURN(const Address keys, memory.ReadPointer(dict + layout.ma_keys));
  ASSIGN_OR_RETURN(const Address values, memory.ReadPointer(dict + layout.ma_values));
  uint64_t count = 0;
  bool ended = false;
  if (values.is_null()) {
    ASSIGN_OR_RETURN(const DictKeysShape shape, runtime.version->read_dict_keys(runtime, memory, keys));
    RETURN_IF_ERROR(VisitTable(memory, shape, visit, count, ended));
  } else {
    RETURN_IF_ERROR(VisitSplit(runtime, memory, keys, values, visit, count, ended));
  }
  if (!ended && count != used) {
    return absl::AbortedError(absl::StrFormat("caught while it changed: %d entries, its length is %d", count, used));
  }
  return absl::OkStatus();
}

absl::Status VisitSplitValues(const Runtime& runtime, Memory& memory, Address keys, Address values, VisitEntry visit) {
  uint64_t count = 0;
  bool ended = false;
  return VisitSplit(runtime, memory, keys, values, visit, count, ended);
}

}  // namespace pysnap
