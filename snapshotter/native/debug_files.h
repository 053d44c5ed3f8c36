// Separate files with a module's debug information.
#ifndef PYSNAP_NATIVE_DEBUG_FILES_H_
#define PYSNAP_NATIVE_DEBUG_FILES_H_

#include <cstdint>
#include <string>

#include "snapshotter/base/unique_fd.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// Looks by build id below /usr/lib/debug/.build-id and, when the module's .gnu_debuglink names a file, beside the
// module and below /usr/lib/debug; each in the target's root first, then in ours. Never asks the network. A file is
// taken only when it has the module's build id or, if that has none, the checksum that the link demands. Not ok when
// none is found.
UniqueFd FindDebugFile(Target& target, const Module& module, const std::string& link, uint32_t link_checksum);

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_DEBUG_FILES_H_
