#include "snapshotter/format/repr_text.h"

#include <cstdio>

#include "snapshotter/format/unicode_printable.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

// The quote that needs less escaping: ' unless the text has some and no ".
char QuoteFor(std::string_view text) {
  return text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
}

void AppendEscape(const char* format, uint32_t code, ReprOutput* out) {
  char text[16];
  snprintf(text, sizeof(text), format, code);
  out->Append(text);
}

bool AppendCommonEscape(uint32_t code, char quote, ReprOutput* out) {
  if (code == static_cast<unsigned char>(quote) || code == '\\') {
    const char escaped[] = {'\\', static_cast<char>(code), '\0'};
    out->Append(escaped);
  } else if (code == '\t') {
    out->Append("\\t");
  } else if (code == '\n') {
    out->Append("\\n");
  } else if (code == '\r') {
    out->Append("\\r");
  } else {
    return false;
  }
  return true;
}

}  // namespace

void ReprOutput::Append(std::string_view text) {
  while (!text.empty() && !full_) {
    const DecodedCharacter c = DecodeCharacter(text);
    if ((max_characters_ != 0 && characters_ == max_characters_) || text_.size() + c.size > kMaxReprBytes) {
      full_ = true;
      return;
    }
    ++characters_;
    text_.append(text.substr(0, c.size));
    text.remove_prefix(c.size);
  }
}

void AppendStrRepr(std::string_view text, uint32_t minor, ReprOutput* out) {
  const char quote = QuoteFor(text);
  const std::string_view quote_text(&quote, 1);
  out->Append(quote_text);
  while (!text.empty() && !out->full()) {
    const DecodedCharacter c = DecodeCharacter(text);
    if (c.code >= kInvalidByte) {  // not from a Python str
      AppendEscape("\\x%02x", c.code - kInvalidByte, out);
    } else if (!AppendCommonEscape(c.code, quote, out)) {
      if (IsPrintable(c.code, minor)) {
        out->Append(text.substr(0, c.size));
      } else {
        AppendEscape(c.code < 0x100 ? "\\x%02x" : c.code < 0x10000 ? "\\u%04x" : "\\U%08x", c.code, out);
      }
    }
    text.remove_prefix(c.size);
  }
  out->Append(quote_text);
}

void AppendBytesRepr(std::string_view bytes, bool always_escape_single, ReprOutput* out) {
  const char quote = QuoteFor(bytes);
  const char escaped = always_escape_single ? '\'' : quote;
  const std::string_view quote_text(&quote, 1);
  out->Append("b");
  out->Append(quote_text);
  for (size_t i = 0; i < bytes.size() && !out->full(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (AppendCommonEscape(byte, escaped, out)) continue;
    if (byte >= 0x20 && byte < 0x7f) {
      out->Append(bytes.substr(i, 1));
    } else {
      AppendEscape("\\x%02x", byte, out);
    }
  }
  out->Append(quote_text);
}

}  // namespace pysnap::format
