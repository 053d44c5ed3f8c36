// Why a snapshot is taken.
#ifndef PYSNAP_CAPTURE_OCCASION_H_
#define PYSNAP_CAPTURE_OCCASION_H_

#include "proto/snapshot.pb.h"

namespace pysnap {

struct Occasion {
  // With native_id, as the target sees it, when it has happened in one thread.
  proto::Reason reason;
  // Which exception of that thread the snapshot is of.
  enum class Exception {
    kNone,
    kRaised,   // the one that propagates
    kHandled,  // the one whose `except` or `finally` block runs
  };
  Exception exception = Exception::kNone;
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_OCCASION_H_
