// Reads str objects.
#ifndef PYSNAP_CPYTHON_TEXT_H_
#define PYSNAP_CPYTHON_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Longer names than this are taken for corruption.
inline constexpr uint64_t kMaxNameLength = uint64_t{1} << 16;

// Where a str keeps its characters.
struct TextShape {
  uint64_t length = 0;  // code points
  uint32_t kind = 1;    // bytes each: 1, 2, 4
  bool ascii = false;
  bool interned = false;
  Address characters;
  uint64_t byte_size() const { return length * kind; }
};

// The caller knows that `str` is one (or of a subclass of it). DataLoss when its parts contradict each other.
absl::StatusOr<TextShape> ReadTextShape(const Runtime& runtime, Memory& memory, Address str);

// Replaces `utf8` by the first `count` characters, lone surrogates encoded like any other. On an error `utf8` holds
// what came before it.
absl::Status ReadCharacters(Memory& memory, const TextShape& shape, uint64_t count, std::string& utf8);

// A whole name: of a variable, an attribute, a file. ResourceExhausted when it is longer than `max_length`.
absl::StatusOr<std::string> ReadText(const Runtime& runtime,
                                     Memory& memory,
                                     Address str,
                                     uint64_t max_length = kMaxNameLength);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_TEXT_H_
