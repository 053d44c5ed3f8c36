// The text of /proc/PID/maps.
#ifndef PYSNAP_PROCESS_MAPS_H_
#define PYSNAP_PROCESS_MAPS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// Parses the whole file. Lines that are not as the kernel writes them are skipped.
//
// Paths are unescaped and cut of " (deleted)". That cannot be told from a name which really has "\012" or " (deleted)"
// in it, so a path is a hint; whoever opens it compares the inode.
std::vector<Mapping> ParseMaps(absl::string_view text);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_MAPS_H_
