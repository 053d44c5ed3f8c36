#include "snapshotter/supervise/writer_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "absl/strings/string_view.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/capture/isolated.h"
#include "snapshotter/capture/transport.h"
#include "snapshotter/supervise/stops.h"

namespace pysnap {
namespace {

// The end of the process is told by SIGCHLD: this is for one that is lost.
constexpr std::chrono::milliseconds kPoll{200};

// What the process says first.
constexpr absl::string_view kHasLetGo = ".";

std::string Packed(const absl::StatusOr<CaptureSummary>& result) {
  std::string out;
  Put(out, result.status().code());
  PutText(out, result.status().message());
  if (!result.ok()) return out;
  PutText(out, result->path);
  Put(out, result->file_bytes);
  Put(out, result->objects);
  Put(out, result->threads);
  Put(out, result->problems);
  Put(out, result->complete);
  Put(out, result->has_exception);
  Put(out, result->in_vain);
  Put(out, result->pause_ns);
  Put(out, result->total_ns);
  return out;
}

absl::StatusOr<CaptureSummary> Unpacked(absl::string_view in) {
  const auto code = Take<absl::StatusCode>(in);
  const std::string message = TakeText(in);
  if (code != absl::StatusCode::kOk) return absl::Status(code, message);
  CaptureSummary summary;
  summary.path = TakeText(in);
  summary.file_bytes = Take<uint64_t>(in);
  summary.objects = Take<uint64_t>(in);
  summary.threads = Take<size_t>(in);
  summary.problems = Take<size_t>(in);
  summary.complete = Take<bool>(in);
  summary.has_exception = Take<bool>(in);
  summary.in_vain = Take<bool>(in);
  summary.pause_ns = Take<int64_t>(in);
  summary.total_ns = Take<int64_t>(in);
  return summary;
}

}  // namespace

absl::StatusOr<CaptureSummary> WriterProcess::Run(WriteSnapshot write,
                                                  absl::FunctionRef<void()> before_fork,
                                                  absl::FunctionRef<void()> parted) const {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return write();
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  before_fork();
  const pid_t child = fork();
  if (child < 0) {
    parted();
    return write();
  }
  if (child == 0) {
    start_();
    if (!WriteAll(theirs.get(), kHasLetGo)) _exit(1);
    BecomeExpendable();
    // A result is smaller than what a pipe holds.
    _exit(WriteAll(theirs.get(), Packed(write())) ? 0 : 1);
  }
  theirs.reset();
  std::string result;
  char buffer[4096];
  ssize_t n;
  // Or nothing, when it has died at once.
  while ((n = read(ours.get(), buffer, kHasLetGo.size())) < 0 && errno == EINTR) {
  }
  parted();
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  while ((n = read(ours.get(), buffer, sizeof(buffer))) != 0) {
    if (n > 0) {
      result.append(buffer, static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      meanwhile_();
      AwaitStop(kPoll);
    } else if (errno != EINTR) {
      break;
    }
  }
  const absl::Status end = EndOfChild(child);
  if (result.empty()) return end;
  return Unpacked(result);
}

}  // namespace pysnap
