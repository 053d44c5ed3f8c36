// How tensors of torch are written, and its dtypes, layouts and devices. A tensor not as torch does, whose text depends
// on settings of the program: what it is, and every item in full.
#ifndef PYSNAP_FORMAT_TORCH_REPR_H_
#define PYSNAP_FORMAT_TORCH_REPR_H_

#include "snapshotter/format/library_repr.h"

namespace pysnap::format {

// As LibraryRepr, of an instance of a type of torch or of one derived from it.
ReprPieces TorchRepr(const LoadedSnapshot& snapshot, const proto::Object& object, size_t max_characters);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TORCH_REPR_H_
