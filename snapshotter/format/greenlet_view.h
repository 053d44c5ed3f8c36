// Greenlets as a person or a script wants to see them.
#ifndef PYSNAP_FORMAT_GREENLET_VIEW_H_
#define PYSNAP_FORMAT_GREENLET_VIEW_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Views point into the snapshot.
struct GreenletView {
  const proto::Greenlet* greenlet = nullptr;
  // "not started", "running", "suspended", "finished"; null when it is not known.
  const char* state = nullptr;
  // Most recent call last; of a running one those of its thread, as far as that is known.
  std::vector<FrameView> frames;
  // The place of its parent in the list.
  std::optional<size_t> parent;
};

// In the order of the snapshot.
std::vector<GreenletView> ViewGreenlets(const LoadedSnapshot& snapshot);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_GREENLET_VIEW_H_
