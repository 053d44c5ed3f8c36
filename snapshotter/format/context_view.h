// The context managers that a frame is inside of, with what is in them.
#ifndef PYSNAP_FORMAT_CONTEXT_VIEW_H_
#define PYSNAP_FORMAT_CONTEXT_VIEW_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Views point into the snapshot.
struct ContextView {
  std::string_view target;  // what is written behind `as`; empty: nothing, or not known
  uint32_t line = 0;        // 0: not known
  bool is_async = false;
  bool is_exiting = false;
  bool is_entering = false;
  uint32_t object = 0;  // object id
  // Of an entry of an ExitStack: the call that has made it.
  std::string description;
};

// Those of `frame`, outermost first.
std::vector<ContextView> ContextsOf(const LoadedSnapshot& snapshot, const proto::Frame& frame);

// What an ExitStack or AsyncExitStack (`object`) has to leave, in the order of entry; nothing for any other object.
// `name`: what the stack is called.
std::vector<ContextView> EntriesOf(const LoadedSnapshot& snapshot, uint32_t object, std::string_view name);

// The frames of the generator that a @contextmanager or @asynccontextmanager (`object`) is made of, outermost first;
// none for any other object.
std::vector<FrameView> InnerFrames(const LoadedSnapshot& snapshot, uint32_t object);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_CONTEXT_VIEW_H_
