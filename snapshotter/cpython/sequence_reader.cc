#include "snapshotter/cpython/sequence_reader.h"

#include <cstdint>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

// Bounds what a corrupted target can make of a list.
constexpr int64_t kMaxItems = int64_t{1} << 24;

}  // namespace

absl::StatusOr<std::vector<Address>> ReadItems(const Runtime& runtime, Memory& memory, Address list_or_tuple) {
  const Layout& layout = runtime.layout;
  ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(list_or_tuple + layout.PyObject.ob_type));
  const bool is_tuple = type == runtime.Symbol("PyTuple_Type");
  if (!is_tuple && type != runtime.Symbol("PyList_Type")) return absl::DataLossError("neither a list nor a tuple");
  ASSIGN_OR_RETURN(const int64_t size, memory.ReadValue<int64_t>(list_or_tuple + layout.PyVarObject.ob_size));
  if (size < 0 || size > kMaxItems) return absl::DataLossError(absl::StrFormat("%d items", size));
  Address first = list_or_tuple + layout.PyTupleObject.ob_item;
  if (!is_tuple) {
    ASSIGN_OR_RETURN(first, memory.ReadPointer(list_or_tuple + layout.PyListObject.ob_item));
  }
  std::vector<uint64_t> items;
  RETURN_IF_ERROR(memory.ReadArray(first, static_cast<size_t>(size), items));
  return std::vector<Address>(items.begin(), items.end());
}

}  // namespace pysnap
