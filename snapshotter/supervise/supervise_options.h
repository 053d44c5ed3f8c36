// What a user may ask of `pysnap on-crash`.
#ifndef PYSNAP_SUPERVISE_SUPERVISE_OPTIONS_H_
#define PYSNAP_SUPERVISE_SUPERVISE_OPTIONS_H_

#include <chrono>
#include <optional>

#include "snapshotter/capture/capture_options.h"
#include "snapshotter/supervise/breakpoints.h"

namespace pysnap {

struct SuperviseOptions {
  CaptureOptions capture;
  // Snapshot after so long, and go on.
  std::optional<std::chrono::milliseconds> timeout;
  // Snapshot when this signal comes, which the program does not see, and go on. 0: none.
  int request_signal = 0;
  // Any exit with a code other than 0 is a crash.
  bool all_exits = false;
  // Watch the processes that the program starts, too.
  bool follow_forks = false;
  BreakpointKind breakpoints = BreakpointKind::kPerfEvents;
  bool quiet = false;
  bool verbose = false;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_SUPERVISE_OPTIONS_H_
