// `pysnap show --greenlets`: the greenlets, thread by thread.
#ifndef PYSNAP_FORMAT_GREENLET_TEXT_H_
#define PYSNAP_FORMAT_GREENLET_TEXT_H_

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/show_options.h"
#include "snapshotter/format/text_writer.h"

namespace pysnap::format {

// In the order of the snapshot, each with its frames. Of those of one thread that stand in the same place one is told,
// and how many and which they are. Of a running one it is told which thread's frames are its own. With
// `options.thread`, only those of that thread.
void WriteGreenlets(const LoadedSnapshot& snapshot, const ShowOptions& options, TextWriter& writer);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_GREENLET_TEXT_H_
