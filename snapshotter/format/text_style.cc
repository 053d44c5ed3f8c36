#include "snapshotter/format/text_style.h"

#include <algorithm>

#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

const char* Code(Color color) {
  switch (color) {
    case Color::kFile:
    case Color::kName:
      return "\x1b[35m";
    case Color::kCaret:
      return "\x1b[1;31m";
    case Color::kException:
      return "\x1b[1;35m";
    case Color::kLocal:
      return "\x1b[36m";
    case Color::kDim:
      return "\x1b[2m";
    case Color::kWarning:
      return "\x1b[33m";
    case Color::kHeading:
      return "\x1b[1m";
  }
  return "";
}

// A blank for every column of `text` as it is printed; tabs stay, so that what follows lines up.
std::string Blank(std::string_view text) {
  std::string blank;
  const std::string shown = Harmless(text, true);
  for (std::string_view rest = shown; !rest.empty();) {
    const DecodedCharacter c = DecodeCharacter(rest);
    if (c.code == '\t') {
      blank += '\t';
    } else {
      blank.append(static_cast<size_t>(DisplayWidth(c.code)), ' ');
    }
    rest.remove_prefix(c.size);
  }
  return blank;
}

}  // namespace

std::string Style::operator()(Color color, std::string_view text) const {
  if (!color_ || text.empty()) return Harmless(text, true);
  return Code(color) + Harmless(text, true) + "\x1b[0m";
}

std::string_view Strip(std::string_view text) {
  constexpr std::string_view kSpace = " \t\f\r\n\v";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string Carets(std::string_view line, std::string_view stripped, const FrameView& view) {
  if (!view.column.has_value() || !view.end_column.has_value() || stripped.empty()) return "";
  const auto indent = static_cast<size_t>(stripped.data() - line.data());
  const size_t stripped_end = indent + stripped.size();
  const size_t begin = std::clamp<size_t>(*view.column, indent, stripped_end);
  const size_t end =
      view.end_line > view.line ? stripped_end : std::clamp<size_t>(*view.end_column, begin, stripped_end);
  if (begin >= end || (begin == indent && end == stripped_end)) return "";
  std::string carets = Blank(line.substr(indent, begin - indent));
  // Inside the marked part, a tab has no known width; one caret stands for it.
  const std::string marked = Blank(line.substr(begin, end - begin));
  return carets + std::string(marked.size(), '^');
}

}  // namespace pysnap::format
