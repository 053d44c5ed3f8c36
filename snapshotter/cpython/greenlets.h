// The greenlets of all threads.
#ifndef PYSNAP_CPYTHON_GREENLETS_H_
#define PYSNAP_CPYTHON_GREENLETS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/cpython/greenlet_search.h"
#include "snapshotter/cpython/greenlet_structs.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

enum class GreenletState {
  kUnknown,
  kNotStarted,
  kRunning,  // its thread runs it: its frames are the thread's
  kSuspended,
  kFinished,
};

// Addresses are of objects in the target; null: there is none, or it is not known.
struct Greenlet {
  Address object;
  int64_t interpreter_id = 0;
  GreenletState state = GreenletState::kUnknown;
  bool is_main = false;  // the one that its thread began as
  Address parent;
  Address main;          // that of its thread; of one that is not started, that of its parent's
  Address thread_state;  // the PyThreadState of its thread
  // The thread that it ran in is no more.
  bool thread_ended = false;
  Address run;  // what it is to call, of one that is not started
  // Of a suspended one.
  FrameChain chain;
  Address handling;
  // Why nothing but `object` is known.
  absl::Status problem;
};

struct GreenletList {
  // By interpreter and thread, in the order of the threads; in each the main one first.
  std::vector<Greenlet> greenlets;
  // What could not be read; the list holds what could. Aborted and Unavailable: it can be, a moment later.
  std::vector<absl::Status> problems;
};

// Lists the instances of greenlet's type, and of what extends it, that the garbage collectors of all interpreters know;
// they know all. Where `old` still holds, only new objects are looked through. Which thread a greenlet belongs to is
// told by the exception state that it goes back to; nothing tells it of one that runs in a thread where no other is
// suspended.
GreenletList ListGreenlets(const Runtime& runtime,
                           Memory& memory,
                           const GreenletStructs& structs,
                           const OldGreenlets& old,
                           const std::vector<PythonThread>& threads,
                           CodeReader& code_reader);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_GREENLETS_H_
