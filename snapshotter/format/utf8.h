// Python text as snapshots hold it: UTF-8 in which a surrogate is encoded like any other code point.
#ifndef PYSNAP_FORMAT_UTF8_H_
#define PYSNAP_FORMAT_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pysnap::format {

struct DecodedCharacter {
  // The code point; of a byte that is not UTF-8, kInvalidByte + its value.
  uint32_t code = 0;
  // Bytes taken; 0 at the end of the text.
  size_t size = 0;
};

inline constexpr uint32_t kInvalidByte = 0x110000;

// The first character of `text`.
DecodedCharacter DecodeCharacter(std::string_view text);

void AppendUtf8(uint32_t code, std::string* out);

inline bool IsSurrogate(uint32_t code) { return code >= 0xd800 && code < 0xe000; }

// How many code points; a byte that is not UTF-8 counts as one.
size_t CountCharacters(std::string_view text);

// The first `characters` code points of it, or all.
std::string_view Utf8Prefix(std::string_view text, size_t characters);

std::string Latin1ToUtf8(std::string_view text);

// Columns on a terminal: 0 for combining marks, 2 for wide East Asian characters and emoji.
int DisplayWidth(uint32_t code);

// The text for a terminal or a log: what is not UTF-8, control characters (so no terminal escapes), surrogates and
// invisible format characters as Python escapes them (\x1b, \udc80, \u202e). With `keep_tabs`, tabs stay.
std::string Harmless(std::string_view text, bool keep_tabs = false);

// Valid UTF-8: surrogates and other bytes as backslash escapes, everything else as it is.
std::string ValidUtf8(std::string_view text);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_UTF8_H_
