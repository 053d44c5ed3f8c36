// What a failed read becomes in a snapshot.
#ifndef PYSNAP_OBJECTS_ABSENT_H_
#define PYSNAP_OBJECTS_ABSENT_H_

#include "absl/status/status.h"
#include "proto/snapshot.pb.h"

namespace pysnap {

// `status` is not OK. Unreadable memory, inconsistencies, changes under way, budgets and what is
// unsupported are told apart by its code.
void SetAbsent(const absl::Status& status, proto::Absent& out);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_ABSENT_H_
