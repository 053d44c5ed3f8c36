// The references of a snapshot's messages to objects.
#ifndef PYSNAP_CAPTURE_REFERENCES_H_
#define PYSNAP_CAPTURE_REFERENCES_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "proto/snapshot.pb.h"

namespace pysnap {

// An object id that may be replaced. `name` is the string id of what names it, `key` the object id of the key of the
// dict that it is under, or of the first half of the tuple that it is the second of; 0 where there is none.
struct Reference {
  uint32_t id = 0;
  uint32_t name = 0;
  uint32_t key = 0;
};

// Gives the id that is to stand there.
using VisitReference = absl::FunctionRef<uint32_t(const Reference& reference)>;

void VisitReferences(proto::Object& object, VisitReference visit);
void VisitReferences(proto::Frame& frame, VisitReference visit);
void VisitReferences(proto::Thread& thread, VisitReference visit);
void VisitReferences(proto::Task& task, VisitReference visit);
void VisitReferences(proto::Greenlet& greenlet, VisitReference visit);
void VisitReferences(proto::ProcessState& state, VisitReference visit);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_REFERENCES_H_
