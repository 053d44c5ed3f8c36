// What the kernel and the interpreter know of a process as a whole.
#ifndef PYSNAP_CAPTURE_PROCESS_STATE_H_
#define PYSNAP_CAPTURE_PROCESS_STATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/graph_crawler.h"

namespace pysnap {

struct NativeThread;

struct SignalFacts {
  // Of the interpreter's handlers (cpython/signal_handlers.h); found before the target is stopped.
  absl::StatusOr<Address> table = absl::NotFoundError("nobody has looked for them");
  // The signals that have a handler, read while the target stands still; bit 0 is signal 1.
  absl::StatusOr<uint64_t> caught = absl::FailedPreconditionError("the kernel was not asked");
};

// Refers to the handlers. Nothing when not all threads were stopped, or there are none.
std::optional<proto::ProcessState> RecordProcessState(const Runtime& runtime,
                                                      Memory& memory,
                                                      const SignalFacts& signals,
                                                      const std::vector<NativeThread>& threads,
                                                      GraphCrawler& crawler);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_PROCESS_STATE_H_
