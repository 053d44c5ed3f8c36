#include "snapshotter/supervise/triggers/never_retrieved.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/type_flags.h"

namespace pysnap {
namespace {

// FutureObj_finalize needs the future after the calls that it makes, so that it is in a register which calls keep, or
// in its own frame, which is smaller than this.
constexpr size_t kStackWords = 24;
#if defined(__x86_64__)
constexpr size_t kKeptRegisters[] = {3, 6, 12, 13, 14, 15};  // rbx, rbp, r12 to r15, by their DWARF numbers
#else
#error "Say here which registers a call keeps."
#endif

// tp_name of what all tasks and futures of _asyncio extend (Modules/_asynciomodule.c).
constexpr char kFutureType[] = "_asyncio.Future";
constexpr int64_t kMaxBases = 1000;
// FUTURE_FINISHED of the same file.
constexpr int32_t kFinished = 2;

absl::StatusOr<bool> IsFutureType(const Runtime& runtime, Memory& memory, Address type) {
  const Layout& layout = runtime.layout;
  ASSIGN_OR_RETURN(const Address mro, memory.ReadPointer(type + layout.PyTypeObject.tp_mro));
  ASSIGN_OR_RETURN(const int64_t size, memory.ReadValue<int64_t>(mro + layout.PyVarObject.ob_size));
  if (size < 0 || size > kMaxBases) return absl::DataLossError("no type");
  std::vector<uint64_t> bases;
  RETURN_IF_ERROR(memory.ReadArray(mro + layout.PyTupleObject.ob_item, static_cast<size_t>(size), bases));
  for (const uint64_t base : bases) {
    ASSIGN_OR_RETURN(const Address name, memory.ReadPointer(Address(base) + layout.PyTypeObject.tp_name));
    const absl::StatusOr<std::string> text = memory.ReadCString(name, sizeof(kFutureType));
    if (text.ok() && *text == kFutureType) return true;
  }
  return false;
}

absl::StatusOr<bool> HasFlag(const Runtime& runtime, Memory& memory, Address type, uint64_t flag) {
  ASSIGN_OR_RETURN(const uint64_t flags, memory.ReadValue<uint64_t>(type + runtime.layout.PyTypeObject.tp_flags));
  return (flags & flag) != 0;
}

// The exception of the future at `object`; null when there is no finished future, or one without.
absl::StatusOr<Address> ExceptionOf(const Runtime& runtime, Memory& memory, Address object) {
  const Layout& layout = runtime.layout;
  if (object.is_null() || object.value() % alignof(void*) != 0) return Address();
  ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(object + layout.PyObject.ob_type));
  ASSIGN_OR_RETURN(const Address metatype, memory.ReadPointer(type + layout.PyObject.ob_type));
  ASSIGN_OR_RETURN(const bool is_object, HasFlag(runtime, memory, metatype, kTypeTypeSubclass));
  if (!is_object) return Address();
  ASSIGN_OR_RETURN(const bool is_future, IsFutureType(runtime, memory, type));
  if (!is_future) return Address();
  ASSIGN_OR_RETURN(const auto state, memory.ReadValue<int32_t>(object + layout.FutureObj.fut_state));
  if (state != kFinished) return Address();
  ASSIGN_OR_RETURN(const Address exception, memory.ReadPointer(object + layout.FutureObj.fut_exception));
  if (exception.is_null()) return Address();
  ASSIGN_OR_RETURN(const Address exception_type, memory.ReadPointer(exception + layout.PyObject.ob_type));
  ASSIGN_OR_RETURN(const bool is_exception, HasFlag(runtime, memory, exception_type, kTypeBaseExcSubclass));
  return is_exception ? exception : Address();
}

}  // namespace

absl::StatusOr<Address> FindNeverRetrieved(const Runtime& runtime, Memory& memory, const Registers& registers) {
  std::vector<uint64_t> words;
  RETURN_IF_ERROR(memory.ReadArray(registers.sp, kStackWords, words));
  for (const size_t number : kKeptRegisters) words.push_back(registers.general[number]);
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::vector<Address> found;
  for (const uint64_t word : words) {
    const absl::StatusOr<Address> exception = ExceptionOf(runtime, memory, Address(word));
    if (exception.ok() && !exception->is_null()) found.push_back(*exception);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() == 1) return found.front();
  return absl::NotFoundError(
      absl::StrFormat("which exception was never retrieved is not certain: %d might be", found.size()));
}

}  // namespace pysnap
