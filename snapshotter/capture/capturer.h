// Takes a snapshot of a live process.
#ifndef PYSNAP_CAPTURE_CAPTURER_H_
#define PYSNAP_CAPTURE_CAPTURER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "snapshotter/capture/capture_options.h"
#include "snapshotter/process/pause.h"

namespace pysnap {

struct CaptureSummary {
  std::string path;
  uint64_t file_bytes = 0;
  uint64_t objects = 0;
  size_t threads = 0;
  size_t problems = 0;
  bool complete = false;
  int64_t pause_ns = 0;
  int64_t total_ns = 0;
};

// Snapshots the process `pid`, which goes on running. Besides the errors of opening, locating and stopping it:
// InvalidArgument for a --redact pattern that is none, Unavailable when the file could not be written.
absl::StatusOr<CaptureSummary> CaptureLive(pid_t pid, const CaptureOptions& options, PauseMode pause);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_CAPTURER_H_
