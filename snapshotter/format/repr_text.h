// The pieces of a repr(): text up to a limit, and how str and bytes are escaped.
#ifndef PYSNAP_FORMAT_REPR_TEXT_H_
#define PYSNAP_FORMAT_REPR_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "snapshotter/format/repr.h"

namespace pysnap::format {

// Collects text up to a number of characters (0: no limit, but kMaxReprBytes).
class ReprOutput {
 public:
  explicit ReprOutput(size_t max_characters) : max_characters_(max_characters) {}

  bool full() const { return full_; }

  void Append(std::string_view text);

  ReprText Take() { return {std::move(text_), full_}; }

 private:
  const size_t max_characters_;
  size_t characters_ = 0;
  std::string text_;
  bool full_ = false;
};

// As CPython 3.`minor` writes them.
void AppendStrRepr(std::string_view text, uint32_t minor, ReprOutput* out);
// `always_escape_single`: ' gets a backslash even between ", as in a bytearray of most versions.
void AppendBytesRepr(std::string_view bytes, bool always_escape_single, ReprOutput* out);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_REPR_TEXT_H_
