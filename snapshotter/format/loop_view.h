// asyncio's event loops: what they are about to call.
#ifndef PYSNAP_FORMAT_LOOP_VIEW_H_
#define PYSNAP_FORMAT_LOOP_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// A Handle or TimerHandle. Object ids; 0: not known.
struct HandleView {
  uint32_t object = 0;
  uint32_t callback = 0;
  std::vector<uint32_t> arguments;
  std::optional<double> when;  // of a TimerHandle, in the loop's time
  bool is_cancelled = false;
};

struct LoopView {
  uint32_t object = 0;    // object id
  int64_t native_id = 0;  // of the thread that runs it; 0: none, or not known
  std::vector<HandleView> ready;
  std::vector<HandleView> scheduled;  // by their time
  // Why both are empty without anybody knowing; empty when they are known.
  std::string unknown;
};

// Those that run, or have tasks of asyncio. Of loops that are not Python's own it is not known what they are about to
// call.
std::vector<LoopView> ViewLoops(const LoadedSnapshot& snapshot);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_LOOP_VIEW_H_
