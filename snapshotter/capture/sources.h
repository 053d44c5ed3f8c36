// The source files of captured frames.
#ifndef PYSNAP_CAPTURE_SOURCES_H_
#define PYSNAP_CAPTURE_SOURCES_H_

#include <string>

#include "snapshotter/capture/snapshot_builder.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// Adds the files that the frames' code was compiled from, as far as they can be read as the target would read them. A
// file that is not there (generated code, a zip archive) is left out; one of unreasonable size is left out and said so.
// Secrets that stand in them are masked, which is said, too.
void AddSources(Target& target, const SecretContents& secrets, SnapshotBuilder& builder);

// Masks the secrets in a source file. Returns what a problem record says of that; empty when there were none.
std::string MaskSecrets(const SecretContents& secrets, std::string& content);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_SOURCES_H_
