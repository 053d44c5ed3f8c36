#include "snapshotter/cpython/subtype.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

constexpr int64_t kMaxBases = 100'000;

}  // namespace

absl::StatusOr<std::vector<Address>> ReadMro(const Runtime& runtime, Memory& memory, Address type) {
  const Layout& layout = runtime.layout;
  ASSIGN_OR_RETURN(const Address mro, memory.ReadPointer(type + layout.PyTypeObject.tp_mro));
  if (mro.is_null()) return std::vector<Address>();
  ASSIGN_OR_RETURN(const int64_t size, memory.ReadValue<int64_t>(mro + layout.PyVarObject.ob_size));
  if (size < 0 || size > kMaxBases) {
    return absl::DataLossError(absl::StrFormat("the class at %#x has %d bases", type.value(), size));
  }
  std::vector<uint64_t> bases;
  RETURN_IF_ERROR(memory.ReadArray(mro + layout.PyTupleObject.ob_item, static_cast<size_t>(size), bases));
  return std::vector<Address>(bases.begin(), bases.end());
}

absl::StatusOr<bool> IsSubtype(const Runtime& runtime, Memory& memory, Address type, Address base) {
  if (type == base) return true;
  ASSIGN_OR_RETURN(const std::vector<Address> bases, ReadMro(runtime, memory, type));
  return std::find(bases.begin(), bases.end(), base) != bases.end();
}

absl::StatusOr<bool> IsInstance(const Runtime& runtime, Memory& memory, Address object, Address base) {
  ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(object + runtime.layout.PyObject.ob_type));
  return IsSubtype(runtime, memory, type, base);
}

}  // namespace pysnap
