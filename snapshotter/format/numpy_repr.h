// How arrays, dtypes and scalars of numpy are written. Not as numpy does, whose text depends on settings of the
// program: what they are, and every item in full.
#ifndef PYSNAP_FORMAT_NUMPY_REPR_H_
#define PYSNAP_FORMAT_NUMPY_REPR_H_

#include "snapshotter/format/library_repr.h"

namespace pysnap::format {

// As LibraryRepr, of an instance of a type of numpy or of one derived from it.
ReprPieces NumpyRepr(const LoadedSnapshot& snapshot, const proto::Object& object, size_t max_characters);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_NUMPY_REPR_H_
