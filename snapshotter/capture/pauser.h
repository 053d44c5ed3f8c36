// Takes the state of a target in as short a pause as can be, so that it can be walked when the target runs again.
//
//   Pauser pauser(*target, pause, input);
//   RETURN_IF_ERROR(pauser.TakeRehearsed());
//   … walk pauser.pages() with pauser.input() …
//   if (pauser.Missed()) { RETURN_IF_ERROR(pauser.TakeWalked()); … walk again … }
#ifndef PYSNAP_CAPTURE_PAUSER_H_
#define PYSNAP_CAPTURE_PAUSER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "snapshotter/capture/debug_structs.h"
#include "snapshotter/capture/greenlet_library.h"
#include "snapshotter/capture/native_stacks.h"
#include "snapshotter/capture/target_walk.h"
#include "snapshotter/memory/page_cache.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/open_files.h"
#include "snapshotter/process/pause.h"
#include "snapshotter/process/waited_files.h"

namespace pysnap {

// Calls its argument once while the target stands still; as PauseAndRead (process/pause.h).
using PauseFunction = std::function<absl::StatusOr<PauseReport>(const std::function<void(PausedProcess&)>& read)>;

class Pauser {
 public:
  // `input` needs no threads and no secrets: those are found here. `target` outlives the pauser.
  Pauser(LiveTarget& target, PauseFunction pause, WalkInput input);
  Pauser(const Pauser&) = delete;
  Pauser& operator=(const Pauser&) = delete;

  // Walks the target while it runs; the pause then only reads once more the pages on which that walk came by. A walk of
  // what was read may lead elsewhere, which Missed tells: then this was in vain. The errors are those of the pause.
  absl::Status TakeRehearsed();
  // Walks the target in the pause, and misses nothing.
  absl::Status TakeWalked();

  // Whether a walk over pages() has asked for something that was not taken.
  bool Missed() const { return pages_->counts().missed_pages > 0 || open_files_.missed(); }

  PageCache& pages() { return *pages_; }
  // For walks over pages().
  const WalkInput& input() const { return input_; }
  // Those of the types that were come by; to be resolved before what was taken is recorded.
  DebugStructs& structs() { return structs_; }
  // The native stacks of the last pause, null when they were not asked for (WalkOptions::native).
  NativeStacks* native_stacks() { return native_stacks_.get(); }
  int pauses() const { return pauses_; }
  // Of all pauses together.
  int64_t pause_ns() const { return pause_ns_; }

 private:
  void RenewPages();
  // What is read of the target before it is stopped.
  absl::Status Prepare();
  void PrepareGreenlets();
  void ReadSignals(const PausedProcess& paused);
  absl::Status Pause(const std::function<void()>& read);
  void NoteThreads(PausedProcess& paused);
  void ReadFiles(const PausedProcess& paused);
  void KeepStacks();

  LiveTarget& target_;
  const PauseFunction pause_;
  WalkInput input_;
  std::unique_ptr<PageCache> pages_;
  OpenFiles open_files_;
  WaitedFiles waited_files_;
  SignalFacts signals_;
  DebugStructs structs_;
  GreenletLibrary greenlets_;
  OldGreenlets old_greenlets_;
  std::vector<NativeThread> native_threads_;
  std::unique_ptr<NativeStacks> native_stacks_;
  Secrets secrets_;
  int pauses_ = 0;
  int64_t pause_ns_ = 0;
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_PAUSER_H_
