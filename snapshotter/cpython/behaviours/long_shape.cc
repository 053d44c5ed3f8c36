#include "snapshotter/cpython/behaviours/long_shape.h"

#include "snapshotter/cpython/version_support.h"

namespace pysnap {

LongShape LongFromObSize(int64_t word) {
  const uint64_t count = word < 0 ? uint64_t{0} - static_cast<uint64_t>(word) : static_cast<uint64_t>(word);
  return {word < 0, count};
}

LongShape LongFromTag(int64_t word) {
  const uint64_t tag = static_cast<uint64_t>(word);
  return {(tag & 3) == 2, (tag & 3) == 1 ? 0 : tag >> 3};
}

absl::StatusOr<LongShape> ReadLongShape(const Runtime& runtime, Memory& memory, Address object) {
  const Layout& layout = runtime.layout;
  const Offset tag = layout.PyLongObject.lv_tag;
  ASSIGN_OR_RETURN(int64_t word,
                   memory.ReadValue<int64_t>(object + (tag == kNoOffset ? layout.PyVarObject.ob_size : tag)));
  return runtime.version->decode_long_shape(word);
}

}  // namespace pysnap
