// repr() of instances of the standard library's classes that are written in Python, from their attributes.
#ifndef PYSNAP_FORMAT_STANDARD_CLASS_REPR_H_
#define PYSNAP_FORMAT_STANDARD_CLASS_REPR_H_

#include <string_view>

#include "proto/snapshot.pb.h"
#include "snapshotter/format/library_repr.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// As LibraryRepr, for the class `module`.`name`.
ReprPieces StandardClassRepr(const LoadedSnapshot& snapshot,
                             const proto::Object& object,
                             std::string_view module,
                             std::string_view name);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_STANDARD_CLASS_REPR_H_
