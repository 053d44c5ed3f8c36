#include "snapshotter/format/utf8.h"

#include <cstdio>
#include <cstring>
#include <iterator>

namespace pysnap::format {
namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};

// Unicode 15: East Asian Width W and F, in coarse ranges of which nothing narrow is assigned inside.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18d08}, {0x1aff0, 0x1b2fb}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c},
    {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
    {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e},
    {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f},
    {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6d7}, {0x1f6dc, 0x1f6df},
    {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f7f0, 0x1f7f0}, {0x1f90c, 0x1f93a},
    {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

// Combining marks of the scripts one meets, and what has no width.
constexpr Range kZeroWidth[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},     {0x5bf, 0x5bf},     {0x5c1, 0x5c2},   {0x5c4, 0x5c5},
    {0x610, 0x61a},   {0x64b, 0x65f},   {0x670, 0x670},     {0x6d6, 0x6dc},     {0x6df, 0x6e4},   {0x6e7, 0x6e8},
    {0x6ea, 0x6ed},   {0x900, 0x902},   {0x93a, 0x93a},     {0x93c, 0x93c},     {0x941, 0x948},   {0x94d, 0x94d},
    {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},     {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0},   {0x302a, 0x302d},   {0x3099, 0x309a}, {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0001, 0xe007f}, {0xe0100, 0xe01ef},
};

// What changes how the text around it looks, or hides: bidirectional controls, zero-width characters, tags,
// line and paragraph separators, interlinear annotation, private marks.
constexpr Range kInvisible[] = {
    {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

template <size_t N>
bool Contains(const Range (&ranges)[N], uint32_t code) {
  size_t low = 0;
  size_t high = N;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (ranges[middle].last < code) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < N && ranges[low].first <= code;
}

void AppendEscape(uint32_t code, std::string* out) {
  char text[16];
  if (code >= kInvalidByte) {
    snprintf(text, sizeof(text), "\\x%02x", code - kInvalidByte);
  } else if (code == '\n' || code == '\r' || code == '\t') {
    snprintf(text, sizeof(text), "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
  } else if (code < 0x100) {
    snprintf(text, sizeof(text), "\\x%02x", code);
  } else if (code < 0x10000) {
    snprintf(text, sizeof(text), "\\u%04x", code);
  } else {
    snprintf(text, sizeof(text), "\\U%08x", code);
  }
  *out += text;
}

}  // namespace

DecodedCharacter DecodeCharacter(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const DecodedCharacter invalid{kInvalidByte + first, 1};
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return invalid;
  uint32_t code = first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return invalid;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10ffff) return invalid;
  return {code, size};
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto push = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xc0 | code >> 6);
    push(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    push(0xe0 | code >> 12);
    push(0x80 | (code >> 6 & 0x3f));
    push(0x80 | (code & 0x3f));
  } else {
    push(0xf0 | code >> 18);
    push(0x80 | (code >> 12 & 0x3f));
    push(0x80 | (code >> 6 & 0x3f));
    push(0x80 | (code & 0x3f));
  }
}

size_t CountCharacters(std::string_view text) {
  // Long texts are counted at each mention of them; most are ASCII.
  constexpr uint64_t kNotAscii = 0x8080808080808080;
  size_t count = 0;
  while (!text.empty()) {
    uint64_t word;
    if (text.size() >= sizeof(word)) {
      std::memcpy(&word, text.data(), sizeof(word));
      if ((word & kNotAscii) == 0) {
        text.remove_prefix(sizeof(word));
        count += sizeof(word);
        continue;
      }
    }
    text.remove_prefix(DecodeCharacter(text).size);
    ++count;
  }
  return count;
}

std::string_view Utf8Prefix(std::string_view text, size_t characters) {
  size_t size = 0;
  for (; characters > 0 && size < text.size(); --characters) size += DecodeCharacter(text.substr(size)).size;
  return text.substr(0, size);
}

std::string Latin1ToUtf8(std::string_view text) {
  std::string out;
  for (char c : text) AppendUtf8(static_cast<unsigned char>(c), &out);
  return out;
}

int DisplayWidth(uint32_t code) {
  if (code < 0x300) return 1;
  if (Contains(kZeroWidth, code)) return 0;
  return Contains(kWide, code) ? 2 : 1;
}

std::string Harmless(std::string_view text, bool keep_tabs) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const DecodedCharacter c = DecodeCharacter(text);
    const bool control = c.code < 0x20 || (c.code >= 0x7f && c.code < 0xa0);
    if ((control && !(keep_tabs && c.code == '\t')) || IsSurrogate(c.code) || c.code >= kInvalidByte ||
        Contains(kInvisible, c.code)) {
      AppendEscape(c.code, &out);
    } else {
      out.append(text.substr(0, c.size));
    }
    text.remove_prefix(c.size);
  }
  return out;
}

std::string ValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const DecodedCharacter c = DecodeCharacter(text);
    if (IsSurrogate(c.code) || c.code >= kInvalidByte) {
      AppendEscape(c.code, &out);
    } else {
      out.append(text.substr(0, c.size));
    }
    text.remove_prefix(c.size);
  }
  return out;
}

}  // namespace pysnap::format
