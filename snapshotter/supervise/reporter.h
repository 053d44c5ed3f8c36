// Where snapshots go and what is said about them.
#ifndef PYSNAP_SUPERVISE_REPORTER_H_
#define PYSNAP_SUPERVISE_REPORTER_H_

#include <sys/types.h>

#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/capture/capturer.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class Reporter {
 public:
  // `output`: as in CaptureOptions.
  Reporter(std::string output, bool quiet) : output_(std::move(output)), quiet_(quiet) {}

  // The file for the next snapshot: no two get the same.
  std::string NextPath(const ProcessInfo& info);
  // One line on stderr.
  void Say(absl::string_view text) const;
  void Report(const absl::StatusOr<CaptureSummary>& summary) const;
  // From now on nothing is said where somebody may wait for the end of what is written: stderr is let go of if it is a
  // pipe or a socket.
  void LetGo() const;

 private:
  const std::string output_;
  const bool quiet_;
  std::set<std::string> taken_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_REPORTER_H_
