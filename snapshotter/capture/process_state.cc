#include "snapshotter/capture/process_state.h"

#include <algorithm>
#include <array>

#include "snapshotter/base/status_macros.h"
#include "snapshotter/capture/target_walk.h"
#include "snapshotter/cpython/signal_handlers.h"
#include "snapshotter/objects/absent.h"

namespace pysnap {
namespace {

// The object ids of all handlers, also of signals that the kernel does not give to any: a rehearsal does not know which
// these are.
absl::StatusOr<std::array<uint32_t, kSignalCount>> ReferToHandlers(const Runtime& runtime,
                                                                   Memory& memory,
                                                                   const SignalFacts& signals,
                                                                   GraphCrawler& crawler) {
  RETURN_IF_ERROR(signals.table.status());
  ASSIGN_OR_RETURN(const auto handlers, ReadSignalTable(runtime, memory, *signals.table));
  std::array<uint32_t, kSignalCount> ids = {};
  for (size_t signal = 1; signal < kSignalCount; ++signal) ids[signal] = crawler.Ref(handlers[signal]);
  return ids;
}

}  // namespace

std::optional<proto::ProcessState> RecordProcessState(const Runtime& runtime,
                                                      Memory& memory,
                                                      const SignalFacts& signals,
                                                      const std::vector<NativeThread>& threads,
                                                      GraphCrawler& crawler) {
  const auto handlers = ReferToHandlers(runtime, memory, signals, crawler);
  const bool stopped =
      std::all_of(threads.begin(), threads.end(), [](const NativeThread& thread) { return thread.stopped; });
  if (!stopped || threads.empty()) return std::nullopt;
  proto::ProcessState state;
  state.set_threads(static_cast<uint32_t>(threads.size()));
  for (const NativeThread& thread : threads) {
    if (thread.waits.has_value() && thread.waits->parked) state.add_parked(thread.native_id);
  }
  for (const absl::Status& status : {handlers.status(), signals.caught.status()}) {
    if (!status.ok()) SetAbsent(status, *state.mutable_signals_absent());
  }
  if (state.has_signals_absent()) return state;
  for (size_t signal = 1; signal < kSignalCount; ++signal) {
    if ((*signals.caught >> (signal - 1) & 1) == 0) continue;
    proto::SignalHandler& record = *state.add_signal_handler();
    record.set_signal(static_cast<int32_t>(signal));
    record.set_handler((*handlers)[signal]);
  }
  return state;
}

}  // namespace pysnap
