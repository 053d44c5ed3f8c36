#include "snapshotter/process/caught_signals.h"

#include <string>

#include "absl/strings/numbers.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

constexpr size_t kMaxStatus = size_t{64} << 10;
constexpr uint64_t kOfTheLibrary = uint64_t{1} << 31 | uint64_t{1} << 32;

}  // namespace

absl::StatusOr<uint64_t> ReadCaughtSignals(int proc_dir) {
  ASSIGN_OR_RETURN(const std::string status, ReadFileAt(proc_dir, "status", kMaxStatus));
  uint64_t caught;
  if (!absl::SimpleHexAtoi(StatusField(status, "SigCgt"), &caught)) {
    return absl::DataLossError("/proc/PID/status does not tell which signals are caught");
  }
  return caught & ~kOfTheLibrary;
}

}  // namespace pysnap
