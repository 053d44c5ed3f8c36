#include "snapshotter/cpython/signal_handlers.h"

#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/name_lookup.h"

namespace pysnap {
namespace {

constexpr size_t kTableWords = 2 * kSignalCount;
constexpr uint64_t kChunkWords = 32768;
constexpr uint64_t kMaxWritable = 64u << 20;

// Two words an item; the first is an int that is 0 or 1, and what pads it.
uint64_t FunctionAt(const uint64_t* table, size_t signal) { return table[2 * signal + 1]; }

bool HasForm(const uint64_t* table) {
  if (table[0] != 0 || FunctionAt(table, 0) != 0) return false;
  for (size_t signal = 1; signal < kSignalCount; ++signal) {
    const uint64_t function = FunctionAt(table, signal);
    if (table[2 * signal] > 1 || function == 0 || function % alignof(uint64_t) != 0) return false;
  }
  return FunctionAt(table, SIGKILL) == FunctionAt(table, SIGSTOP);
}

absl::StatusOr<bool> IsInt(const Runtime& runtime, Memory& memory, Address object) {
  ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(object + runtime.layout.PyObject.ob_type));
  return type == runtime.Symbol("PyLong_Type");
}

bool IsDefault(const Runtime& runtime, Memory& memory, Address object) {
  if (!IsInt(runtime, memory, object).value_or(false)) return false;
  const absl::StatusOr<uint64_t> value = NameLookup(runtime, memory).Unsigned(object);
  return value.ok() && *value == 0;
}

}  // namespace

absl::StatusOr<Address> FindSignalTable(const Runtime& runtime, Memory& memory) {
  Address found;
  std::vector<uint64_t> words;
  for (const AddressRange& range : runtime.writable) {
    const int64_t skip = static_cast<int64_t>(-range.begin.value() % sizeof(uint64_t));
    const Address begin = range.begin + skip;
    const uint64_t count = std::min(range.size, kMaxWritable) / sizeof(uint64_t);
    // Chunks overlap by a table.
    for (uint64_t at = 0; at + kTableWords <= count; at += kChunkWords) {
      const uint64_t length = std::min(kChunkWords + kTableWords, count - at);
      const Address chunk = begin + static_cast<int64_t>(at * sizeof(uint64_t));
      if (!memory.ReadArray(chunk, length, words).ok()) continue;
      for (size_t i = 0; i < kChunkWords && i + kTableWords <= words.size(); ++i) {
        if (!HasForm(&words[i]) || !IsDefault(runtime, memory, Address(FunctionAt(&words[i], SIGKILL)))) continue;
        if (!found.is_null()) return absl::DataLossError("more than one table looks like that of the signal handlers");
        found = chunk + static_cast<int64_t>(i * sizeof(uint64_t));
      }
    }
  }
  if (found.is_null()) return absl::NotFoundError("the interpreter's table of signal handlers was not found");
  return found;
}

absl::StatusOr<std::array<Address, kSignalCount>> ReadSignalTable(const Runtime& runtime,
                                                                  Memory& memory,
                                                                  Address table) {
  std::vector<uint64_t> words;
  RETURN_IF_ERROR(memory.ReadArray(table, kTableWords, words));
  if (!HasForm(words.data())) return absl::DataLossError("the table of signal handlers is damaged");
  std::array<Address, kSignalCount> handlers;
  for (size_t signal = 1; signal < kSignalCount; ++signal) {
    const Address function(FunctionAt(words.data(), signal));
    // SIG_DFL and SIG_IGN are ints, what C code has set is None.
    if (function == runtime.Symbol("_Py_NoneStruct")) continue;
    ASSIGN_OR_RETURN(const bool is_int, IsInt(runtime, memory, function));
    if (!is_int) handlers[signal] = function;
  }
  return handlers;
}

}  // namespace pysnap
