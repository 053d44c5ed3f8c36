#include "snapshotter/format/greenlet_view.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace pysnap::format {
namespace {

const char* StateText(proto::Greenlet::State state) {
  switch (state) {
    case proto::Greenlet::NOT_STARTED:
      return "not started";
    case proto::Greenlet::RUNNING:
      return "running";
    case proto::Greenlet::SUSPENDED:
      return "suspended";
    case proto::Greenlet::FINISHED:
      return "finished";
    default:
      return nullptr;
  }
}

std::vector<FrameView> RunningFrames(const LoadedSnapshot& snapshot, const proto::Greenlet& greenlet) {
  if (greenlet.native_id() == 0) return {};
  for (const proto::Thread* thread : snapshot.threads()) {
    if (thread->native_id() != greenlet.native_id() || thread->interpreter() != greenlet.interpreter()) continue;
    return ThreadFrames(snapshot, *thread);
  }
  return {};
}

}  // namespace

std::vector<GreenletView> ViewGreenlets(const LoadedSnapshot& snapshot) {
  std::vector<GreenletView> views;
  absl::flat_hash_map<uint64_t, size_t> places;
  absl::flat_hash_set<std::pair<int64_t, int64_t>> told;
  for (const proto::Greenlet* greenlet : snapshot.greenlets()) {
    places.try_emplace(greenlet->address(), views.size());
    GreenletView& view = views.emplace_back();
    view.greenlet = greenlet;
    view.state = StateText(greenlet->state());
    if (greenlet->state() == proto::Greenlet::RUNNING) {
      // A thread runs one; a file may say that it runs many.
      const bool first = told.emplace(greenlet->native_id(), greenlet->interpreter()).second;
      if (first) view.frames = RunningFrames(snapshot, *greenlet);
      continue;
    }
    for (const proto::Frame& frame : greenlet->frame()) view.frames.push_back(ViewFrame(snapshot, frame));
    std::reverse(view.frames.begin(), view.frames.end());
  }
  for (GreenletView& view : views) {
    const auto parent = places.find(view.greenlet->parent());
    if (view.greenlet->parent() != 0 && parent != places.end()) view.parent = parent->second;
  }
  return views;
}

}  // namespace pysnap::format
