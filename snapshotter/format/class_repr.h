// repr() of instances of those classes of the standard library that have it from what made the class.
#ifndef PYSNAP_FORMAT_CLASS_REPR_H_
#define PYSNAP_FORMAT_CLASS_REPR_H_

#include "proto/snapshot.pb.h"
#include "snapshotter/format/library_repr.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Of named tuples, struct sequences and members of enums; nothing for all others.
ReprPieces ClassRepr(const LoadedSnapshot& snapshot, const proto::Object& object);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_CLASS_REPR_H_
