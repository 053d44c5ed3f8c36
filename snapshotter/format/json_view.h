// `pysnap show --json`: the contract's schema.
#ifndef PYSNAP_FORMAT_JSON_VIEW_H_
#define PYSNAP_FORMAT_JSON_VIEW_H_

#include <nlohmann/json.hpp>
#include <string>

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/show_options.h"

namespace pysnap::format {

nlohmann::ordered_json JsonView(const LoadedSnapshot& snapshot, const ShowOptions& options);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_JSON_VIEW_H_
