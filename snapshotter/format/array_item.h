// How one item of an array or tensor is written that is neither an object nor made of fields.
#ifndef PYSNAP_FORMAT_ARRAY_ITEM_H_
#define PYSNAP_FORMAT_ARRAY_ITEM_H_

#include <optional>
#include <string>
#include <string_view>

#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Of its bytes. `kind` is numpy's letter; `swapped`: they are in the order that is not the machine's; `unit`: of a
// time, as in "[ns]". Nothing where there is no such kind of that size.
std::optional<std::string> ArrayItemText(
    const LoadedSnapshot& snapshot, std::string_view raw, char kind, bool swapped, std::string_view unit);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_ARRAY_ITEM_H_
