// Where a snapshot goes when the user did not name a file.
#ifndef PYSNAP_FORMAT_OUTPUT_PATH_H_
#define PYSNAP_FORMAT_OUTPUT_PATH_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace pysnap {

// "pysnap-<program>-<pid>-<UTC time>.pb", for example "pysnap-server.py-4711-20261120T130501.123Z.pb". `program` is a
// path or a name as the target gave it: only its last component is used, and only what is harmless in a file name.
std::string DefaultFileName(absl::string_view program, int64_t pid, absl::Time time);

// The contract's --output: a file; an existing directory, which gets the default name; empty for the default name in
// the current directory.
std::string OutputPath(absl::string_view output_option, absl::string_view program, int64_t pid, absl::Time time);

}  // namespace pysnap

#endif  // PYSNAP_FORMAT_OUTPUT_PATH_H_
