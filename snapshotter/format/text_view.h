// `pysnap show`: what a person reads.
#ifndef PYSNAP_FORMAT_TEXT_VIEW_H_
#define PYSNAP_FORMAT_TEXT_VIEW_H_

#include <string>
#include <string_view>

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/show_options.h"
#include "snapshotter/format/text_writer.h"

namespace pysnap::format {

// Writes the whole snapshot, piece by piece. Whatever the target's names and values hold, the text is harmless to a
// terminal.
void WriteTextView(const LoadedSnapshot& snapshot, const ShowOptions& options, const TextSink& sink);

// `pysnap peek`: one line, without its end.
std::string PeekLine(const LoadedSnapshot& snapshot);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TEXT_VIEW_H_
