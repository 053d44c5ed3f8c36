// Tells the deaths that are crashes.
#ifndef PYSNAP_SUPERVISE_TRIGGERS_DEATH_H_
#define PYSNAP_SUPERVISE_TRIGGERS_DEATH_H_

#include <signal.h>

#include <cstdint>
#include <optional>

#include "snapshotter/base/address.h"
#include "snapshotter/capture/occasion.h"

namespace pysnap {

// A signal that a thread was about to take.
struct SeenSignal {
  siginfo_t info = {};
  int64_t native_id = 0;
};

// Whether a kernel's exit status (PTRACE_EVENT_EXIT's message, as wait(2) encodes it) is one that a snapshot is taken
// for: death by a signal; with `all_exits` also any exit code but 0.
bool IsCrash(int exit_status, bool all_exits);

// The occasion for a status that is a crash. `seen` is the signal of that number that came first since the process last
// went on well, if it was seen at all: SIGKILL is not.
Occasion DeathOccasion(int exit_status, const std::optional<SeenSignal>& seen);

// Whether this signal tells of a fault at an address, and not of somebody who sent it.
bool IsFault(const siginfo_t& info);

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_TRIGGERS_DEATH_H_
