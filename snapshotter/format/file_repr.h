// repr() of open files (Modules/_io).
#ifndef PYSNAP_FORMAT_FILE_REPR_H_
#define PYSNAP_FORMAT_FILE_REPR_H_

#include <string_view>

#include "snapshotter/format/library_repr.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Of an object of the type `_io`.`name`; nothing where it is no file, or asks a class of the program for its name.
ReprPieces FileRepr(const LoadedSnapshot& snapshot, const proto::Object& object, std::string_view name);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_FILE_REPR_H_
