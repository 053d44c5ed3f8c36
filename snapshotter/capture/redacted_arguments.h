// Secrets on the command line of a program.
#ifndef PYSNAP_CAPTURE_REDACTED_ARGUMENTS_H_
#define PYSNAP_CAPTURE_REDACTED_ARGUMENTS_H_

#include "proto/snapshot.pb.h"
#include "snapshotter/objects/redaction.h"

namespace pysnap {

// Replaces arguments that are secret: the value after an option that is called so, what tells a secret itself, and what
// is in `secrets`. The program has them as well: they are added to `secrets`.
void RedactArguments(const RedactionRules& rules, SecretContents& secrets, proto::Process& process);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_REDACTED_ARGUMENTS_H_
