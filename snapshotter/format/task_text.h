// `pysnap show --tasks`: the tasks of asyncio and trio as a tree of who waits for whom, and who is whose child.
#ifndef PYSNAP_FORMAT_TASK_TEXT_H_
#define PYSNAP_FORMAT_TASK_TEXT_H_

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/show_options.h"
#include "snapshotter/format/text_writer.h"

namespace pysnap::format {

// Tasks that nobody waits for and that are nobody's children come first, each with its frames and, below them, the
// scopes that it is inside of with its children in them, and the tasks it waits for; then those that wait for each
// other in a circle. A task that several wait for is told once. Of tasks that wait alike for nothing but each its own
// future one is told, and how many and which they are. At the end what the loops are about to call.
void WriteTasks(const LoadedSnapshot& snapshot, const ShowOptions& options, TextWriter& writer);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TASK_TEXT_H_
