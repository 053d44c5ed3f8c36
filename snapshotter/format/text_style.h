// Colours, and text laid out for a terminal.
#ifndef PYSNAP_FORMAT_TEXT_STYLE_H_
#define PYSNAP_FORMAT_TEXT_STYLE_H_

#include <optional>
#include <string>
#include <string_view>

#include "snapshotter/format/frame_view.h"

namespace pysnap::format {

enum class Color { kFile, kName, kCaret, kException, kLocal, kDim, kWarning, kHeading };

class Style {
 public:
  explicit Style(bool color) : color_(color) {}

  // `text` made harmless, in this colour.
  std::string operator()(Color color, std::string_view text) const;

 private:
  bool color_;
};

// The carets below a source line: spaces up to the first one included. `line` is the whole line and `stripped` the part
// of it that is printed. Empty when the whole of it would be marked, or the columns are not known, as in Python 3.11
// and later.
std::string Carets(std::string_view line, std::string_view stripped, const FrameView& view);

// `text` without spaces, tabs and form feeds around it.
std::string_view Strip(std::string_view text);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TEXT_STYLE_H_
