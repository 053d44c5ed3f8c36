// repr() of weak references and proxies.
#ifndef PYSNAP_FORMAT_WEAK_REPR_H_
#define PYSNAP_FORMAT_WEAK_REPR_H_

#include <string_view>

#include "snapshotter/format/library_repr.h"

namespace pysnap::format {

// As LibraryRepr, of an instance of the type `module`.`name`.
ReprPieces WeakRepr(const LoadedSnapshot& snapshot,
                    const proto::Object& object,
                    std::string_view module,
                    std::string_view name);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_WEAK_REPR_H_
