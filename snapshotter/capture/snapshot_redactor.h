// Applies rules of redaction to a snapshot that has been taken.
#ifndef PYSNAP_CAPTURE_SNAPSHOT_REDACTOR_H_
#define PYSNAP_CAPTURE_SNAPSHOT_REDACTOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "snapshotter/format/byte_sink.h"
#include "snapshotter/objects/redaction.h"

namespace pysnap {

// Reads the snapshot at `path`, takes out what the rules call secret, and writes the rest to `output`, which may be the
// same path. As in a capture: what stands under a secret name has a stand-in in its place, and a text that is secret,
// or has a secret one inside, is nowhere; in source files it is masked. What only a secret value led to is gone, too.
//
// Returns how many values are redacted that were not before. NotFound or PermissionDenied when the file cannot be
// opened, DataLoss when it is no snapshot or not whole, Unavailable when the output cannot be written.
absl::StatusOr<uint64_t> RedactSnapshot(const std::string& path,
                                        const std::string& output,
                                        const RedactionRules& rules);

// The same from the bytes of a file.
absl::StatusOr<uint64_t> RedactSnapshot(std::string_view file,
                                        std::unique_ptr<ByteSink> output,
                                        const RedactionRules& rules);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_SNAPSHOT_REDACTOR_H_
