// Everything that is read of a target, from its threads down to the last object.
#ifndef PYSNAP_CAPTURE_TARGET_WALK_H_
#define PYSNAP_CAPTURE_TARGET_WALK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/capture/native_stacks.h"
#include "snapshotter/capture/occasion.h"
#include "snapshotter/capture/process_state.h"
#include "snapshotter/capture/snapshot_builder.h"
#include "snapshotter/cpython/greenlet_search.h"
#include "snapshotter/cpython/greenlet_structs.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/graph_crawler.h"
#include "snapshotter/objects/redaction.h"
#include "snapshotter/process/open_files.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/process/system_calls.h"
#include "snapshotter/process/waited_files.h"

namespace pysnap {

// What the operating system knows of one thread, taken while it was stopped.
struct NativeThread {
  int64_t native_id = 0;  // as the target sees it
  std::string comm;
  // The pthread_t that threading.get_ident() gives; 0: not known.
  uint64_t pthread = 0;
  bool stopped = false;
  std::string reason = {};  // why it is not
  // Absent when they could not be had.
  std::optional<Registers> registers = {};
  // What it waits for in the kernel; absent when it runs.
  std::optional<WaitingCall> waits = {};
};

struct WalkOptions {
  bool no_locals = false;
  // Where on the C stack evaluations are is wanted.
  bool native = false;
  uint64_t max_objects = 0;
  uint64_t max_bytes = 0;
  uint32_t max_depth = 0;
  uint64_t max_items = 0;
};

// What one walk needs beside the memory. The pointers outlive the walk.
struct WalkInput {
  const Runtime* runtime = nullptr;
  const std::vector<NativeThread>* native_threads = nullptr;
  WalkOptions options;
  const Occasion* occasion = nullptr;         // null: an attach
  const RedactionRules* redaction = nullptr;  // null: nothing is redacted
  const Secrets* secrets = nullptr;           // see CrawlOptions
  const DeclaredLayouts* layouts = nullptr;   // see CrawlOptions
  std::string working_folder;                 // see CrawlOptions
  StructSource* structs = nullptr;            // see CrawlOptions
  OpenFiles* open_files = nullptr;            // see CrawlOptions
  // What is behind the descriptors that threads wait for; null: nobody could ask the kernel.
  WaitedFiles* waited_files = nullptr;
  const SignalFacts* signals = nullptr;
  // Null: the target has not loaded greenlet.
  const GreenletStructs* greenlets = nullptr;
  const OldGreenlets* old_greenlets = nullptr;  // with it
  // Null: native frames are not recorded. Otherwise decoded before the recording.
  const NativeStacks* native_stacks = nullptr;
  std::function<void(uint64_t)> progress;  // see CrawlOptions
  std::function<bool()> abandoned;         // null, or asked now and then: true ends the walk early
};

struct WalkResult {
  uint64_t objects = 0;
  uint64_t strings = 0;
  size_t threads = 0;
  size_t problems = 0;
  // Those, and values that are torn, that may be gone when the target is looked at again: a thread was stopped while it
  // entered or left a function, or changed a variable.
  size_t passing_problems = 0;
  // The occasion's exception was found.
  bool has_exception = false;
  // A budget cut something.
  bool limited = false;
  // WalkInput::abandoned ended it: the rest means nothing.
  bool abandoned = false;
  Secrets secrets;  // see GraphCrawler::secrets
};

// Visits what will be needed and decodes nothing: for the time the target is stopped, over a memory that keeps what is
// read of it.
WalkResult TouchTarget(const WalkInput& input, Memory& memory);

// Does the same again and records what it finds. Given the same memory, it visits the same objects.
WalkResult RecordTarget(const WalkInput& input, Memory& memory, SnapshotBuilder& builder);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_TARGET_WALK_H_
