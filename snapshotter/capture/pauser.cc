#include "snapshotter/capture/pauser.h"

#include <algorithm>
#include <utility>

#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/signal_handlers.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/recent_pages.h"
#include "snapshotter/process/caught_signals.h"

namespace pysnap {
namespace {

// Enough for stacks and locals of a few threads, so that no page of ours has to be made while the target waits.
constexpr uint64_t kPrefaultBytes = uint64_t{8} << 20;
// A walk of the running target ends after so many objects: one that grows as fast as it is walked must not hold us.
constexpr uint64_t kMaxRehearsedObjects = 50'000'000;

}  // namespace

Pauser::Pauser(LiveTarget& target, PauseFunction pause, WalkInput input)
    : target_(target), pause_(std::move(pause)), input_(std::move(input)), open_files_(target), waited_files_(target) {
  input_.open_files = &open_files_;
  input_.waited_files = &waited_files_;
  input_.signals = &signals_;
  input_.structs = &structs_;
  input_.native_threads = &native_threads_;
  input_.secrets = &secrets_;
  RenewPages();
}

absl::Status Pauser::TakeRehearsed() {
  RETURN_IF_ERROR(Prepare());
  WalkInput rehearsal = input_;
  uint64_t& objects = rehearsal.options.max_objects;
  objects = objects == 0 ? kMaxRehearsedObjects : std::min(objects, kMaxRehearsedObjects);
  secrets_ = TouchTarget(rehearsal, *pages_).secrets;
  if (!pages_->failure().ok()) RenewPages();
  pages_->PrepareRefresh();
  open_files_.Prepare();
  return Pause([this] { pages_->Refresh(); });
}

absl::Status Pauser::TakeWalked() {
  RETURN_IF_ERROR(Prepare());
  if (!pages_->failure().ok()) RenewPages();
  pages_->Thaw();
  pages_->PrepareRefresh();
  secrets_ = Secrets();
  return Pause([this] {
    pages_->Refresh();
    secrets_ = TouchTarget(input_, *pages_).secrets;
  });
}

void Pauser::RenewPages() {
  pages_ = std::make_unique<PageCache>(
      target_.memory(), PageCache::Options{.prefault_bytes = kPrefaultBytes, .presence = target_.presence()});
}

void Pauser::PrepareGreenlets() {
  input_.greenlets = greenlets_.Find(target_);
  input_.old_greenlets = &old_greenlets_;
  if (input_.greenlets == nullptr) return;
  RecentPages memory(target_.memory());
  const PythonThreadList list = ListPythonThreads(*input_.runtime, memory);
  old_greenlets_ = FindOldGreenlets(*input_.runtime, memory, *input_.greenlets, list.threads);
}

absl::Status Pauser::Prepare() {
  // Libraries may have been loaded since the target was opened, and threads started.
  const absl::Status refreshed = target_.RefreshMappings();
  PrepareGreenlets();
  if (!signals_.table.ok()) signals_.table = FindSignalTable(*input_.runtime, target_.memory());
  input_.native_stacks = nullptr;
  if (!input_.options.native) return absl::OkStatus();
  RETURN_IF_ERROR(refreshed);
  native_stacks_ = std::make_unique<NativeStacks>(target_);
  return absl::OkStatus();
}

absl::Status Pauser::Pause(const std::function<void()>& read) {
  ASSIGN_OR_RETURN(const PauseReport report, pause_([&](PausedProcess& paused) {
                     NoteThreads(paused);
                     if (native_stacks_ != nullptr) KeepStacks();
                     read();
                     ReadFiles(paused);
                     ReadSignals(paused);
                   }));
  input_.native_stacks = native_stacks_.get();
  ++pauses_;
  pause_ns_ += report.pause_ns();
  pages_->Freeze();
  return absl::OkStatus();
}

void Pauser::NoteThreads(PausedProcess& paused) {
  // From 3.11 on the thread state has the native id (PyThreadState, Include/cpython/pystate.h).
  const bool by_register = input_.runtime->layout.PyThreadState.native_thread_id == kNoOffset;
  native_threads_.clear();
  for (const PausedThread& thread : paused.threads()) {
    NativeThread& native = native_threads_.emplace_back();
    native.native_id = thread.thread.native_id;
    native.comm = thread.thread.name;
    native.stopped = thread.stopped;
    native.reason = thread.reason;
    if (const auto registers = paused.ReadRegisters(thread.thread.tid); registers.ok()) {
      if (by_register) native.pthread = registers->pthread.value();
      native.registers = *registers;
      if (registers->system_call.has_value()) native.waits = DescribeCall(*registers->system_call, target_.memory());
    }
  }
}

void Pauser::ReadFiles(const PausedProcess& paused) {
  std::vector<int32_t> waited;
  for (const NativeThread& thread : native_threads_) {
    if (thread.waits.has_value()) waited.insert(waited.end(), thread.waits->fds.begin(), thread.waits->fds.end());
  }
  if (paused.is_copy()) {
    const absl::Status why = absl::UnimplementedError("the program ran on while its copy was read");
    open_files_.CannotRead(why);
    waited_files_.CannotRead(waited, why);
    return;
  }
  open_files_.Read();
  waited_files_.Read(waited);
}

void Pauser::ReadSignals(const PausedProcess& paused) {
  if (paused.is_copy()) {
    signals_.caught = absl::UnimplementedError("the program ran on while its copy was read");
  } else {
    signals_.caught = ReadCaughtSignals(target_.living_dir());
  }
}

void Pauser::KeepStacks() {
  std::vector<NativeStacks::Thread> threads;
  threads.reserve(native_threads_.size());
  for (const NativeThread& thread : native_threads_) {
    if (thread.registers.has_value()) threads.push_back({thread.native_id, *thread.registers});
  }
  native_stacks_->Keep(std::move(threads));
}

}  // namespace pysnap
