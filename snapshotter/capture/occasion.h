// Why a snapshot is taken.
#ifndef PYSNAP_CAPTURE_OCCASION_H_
#define PYSNAP_CAPTURE_OCCASION_H_

#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"

namespace pysnap {

struct Occasion {
  // With native_id, as the target sees it, when it has happened in one thread.
  proto::Reason reason;
  // Which exception the snapshot is of, of that thread.
  enum class Exception {
    kNone,
    kRaised,   // the one that propagates
    kHandled,  // the one whose `except` or `finally` block runs
    kStored,   // `stored`, which the thread has come upon
  };
  Exception exception = Exception::kNone;
  Address stored;
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_OCCASION_H_
