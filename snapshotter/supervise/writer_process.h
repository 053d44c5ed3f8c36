// Snapshots are decoded and written in a process of their own. So the watcher is awake meanwhile: it takes the SIGTRAP
// from every thread that runs into a breakpoint, which would kill the program if the watcher were killed before. And
// whatever hostile data does to the decoder, it costs no more than the snapshot.
#ifndef PYSNAP_SUPERVISE_WRITER_PROCESS_H_
#define PYSNAP_SUPERVISE_WRITER_PROCESS_H_

#include <functional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "snapshotter/capture/capturer.h"

namespace pysnap {

class WriterProcess {
 public:
  // `start` is called in the new process: it lets go of the breakpoints there, which would outlive the watcher's.
  // `meanwhile` is called here, again and again: it takes the stops that must not wait.
  WriterProcess(std::function<void()> start, std::function<void()> meanwhile)
      : start_(std::move(start)), meanwhile_(std::move(meanwhile)) {}

  // Calls `write` in a new process, and returns its result. Internal when that process dies. SIGCHLD is blocked. From
  // `before_fork` until `parted` the new process may hold what it is to let go of.
  absl::StatusOr<CaptureSummary> Run(WriteSnapshot write,
                                     absl::FunctionRef<void()> before_fork,
                                     absl::FunctionRef<void()> parted) const;

 private:
  const std::function<void()> start_;
  const std::function<void()> meanwhile_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_WRITER_PROCESS_H_
