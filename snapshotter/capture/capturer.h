// Takes a snapshot of a live process.
#ifndef PYSNAP_CAPTURE_CAPTURER_H_
#define PYSNAP_CAPTURE_CAPTURER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "snapshotter/capture/capture_options.h"
#include "snapshotter/capture/occasion.h"
#include "snapshotter/capture/pauser.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/pause.h"

namespace pysnap {

struct CaptureSummary {
  std::string path;
  uint64_t file_bytes = 0;
  uint64_t objects = 0;
  size_t threads = 0;
  size_t problems = 0;
  bool complete = false;
  bool has_exception = false;  // the occasion's
  // Nothing was written, because another look is better: see CaptureSource::may_look_again.
  bool in_vain = false;
  int64_t pause_ns = 0;
  int64_t total_ns = 0;
};

// Snapshots the process `pid`, which goes on running. Besides the errors of opening, locating and stopping it:
// InvalidArgument for a --redact pattern that is none, Unavailable when the file could not be written.
absl::StatusOr<CaptureSummary> CaptureLive(pid_t pid, const CaptureOptions& options, PauseMode pause);

// LocateRuntime, with what it means to the user when there is none: NotFound that the process has ended,
// FailedPrecondition that it is no CPython that can be read.
absl::StatusOr<Runtime> FindPython(LiveTarget& target);

// What to call the program in a file's name: the script if there is one, else the executable.
std::string ProgramName(const ProcessInfo& info);

using WriteSnapshot = absl::FunctionRef<absl::StatusOr<CaptureSummary>()>;

// How a capture comes by the state of a target that is at hand.
struct CaptureSource {
  LiveTarget& target;
  const Runtime& runtime;
  PauseFunction pause;
  // The target runs until it is paused, and what is found then can be sought before: see Pauser.
  bool rehearse = false;
  // Another moment is as good: it is paused once more when a thread was stopped where its frames cannot be told.
  bool may_look_again = false;
  // Calls its argument, which decodes and writes what was taken, maybe in another process: of what that leaves behind
  // in this one, nothing but its result is used. It is called here when there is none.
  std::function<absl::StatusOr<CaptureSummary>(WriteSnapshot)> write = nullptr;
  // When the work on it began.
  absl::Time start = absl::Now();
};

// A capture in two steps, for a snapshot that is only wanted if what is to come is bad.
//
//   DeferredCapture capture(source, occasion, redaction, options);
//   RETURN_IF_ERROR(capture.Take());
//   … the target goes on, and ends …
//   capture.Write(reason, path);
class DeferredCapture {
 public:
  // All but the occasion is referred to.
  DeferredCapture(const CaptureSource& source,
                  const Occasion& occasion,
                  const RedactionRules& redaction,
                  const CaptureOptions& options);
  ~DeferredCapture();
  DeferredCapture(const DeferredCapture&) = delete;
  DeferredCapture& operator=(const DeferredCapture&) = delete;

  // Takes the state of the target. The errors are those of the pause.
  absl::Status Take();
  // Decodes and writes it, for the reason as it has turned out. The process must still be there: source files are
  // looked for in its root.
  absl::StatusOr<CaptureSummary> Write(const proto::Reason& reason, const std::string& path);

 private:
  friend absl::StatusOr<CaptureSummary> Capture(
      const CaptureSource&, const Occasion&, const RedactionRules&, const CaptureOptions&, const std::string&);
  struct Recording;

  WalkInput MakeInput(const RedactionRules& redaction);
  absl::StatusOr<CaptureSummary> CallWrite(WriteSnapshot write);
  // Writes what was taken, unless that was in vain: with `attempt`, when something is missed.
  absl::StatusOr<CaptureSummary> TryWrite(const std::string& path, bool attempt);
  // Records what was taken; with `attempt`, only as long as nothing is missed.
  absl::Status Record(const std::string& path, bool attempt);
  bool MayLookAgain() const;
  absl::StatusOr<CaptureSummary> Finish(const std::string& path);

  const CaptureSource& source_;
  Occasion occasion_;
  const CaptureOptions& options_;
  Pauser pauser_;
  std::unique_ptr<Recording> recording_;
};

// Snapshots it to the file `path`.
absl::StatusOr<CaptureSummary> Capture(const CaptureSource& source,
                                       const Occasion& occasion,
                                       const RedactionRules& redaction,
                                       const CaptureOptions& options,
                                       const std::string& path);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_CAPTURER_H_
