#include "snapshotter/objects/absent.h"

#include <string>

namespace pysnap {

void SetAbsent(const absl::Status& status, proto::Absent& out) {
  switch (status.code()) {
    case absl::StatusCode::kOutOfRange:
      out.set_reason(proto::Absent::UNREADABLE);
      break;
    case absl::StatusCode::kAborted:
      out.set_reason(proto::Absent::TORN);
      break;
    case absl::StatusCode::kDataLoss:
      out.set_reason(proto::Absent::INCONSISTENT);
      break;
    case absl::StatusCode::kUnimplemented:
      out.set_reason(proto::Absent::UNSUPPORTED);
      break;
    case absl::StatusCode::kResourceExhausted:
      out.set_reason(proto::Absent::LIMIT);
      break;
    default:
      out.set_reason(proto::Absent::UNKNOWN);
      break;
  }
  out.set_detail(std::string(status.message()));
}

}  // namespace pysnap
