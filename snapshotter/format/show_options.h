// What `pysnap show` lets its user choose.
#ifndef PYSNAP_FORMAT_SHOW_OPTIONS_H_
#define PYSNAP_FORMAT_SHOW_OPTIONS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

struct ShowOptions {
  // Native id, or name; empty: all threads.
  std::string thread = {};
  bool tasks = false;      // the tree of asyncio's tasks instead of the threads
  bool greenlets = false;  // the greenlets instead of the threads
  bool locals = true;
  size_t max_repr = 1000;  // characters; 0: no limit
  bool color = false;
};

// The threads that `options` ask for.
std::vector<const proto::Thread*> SelectThreads(const LoadedSnapshot& snapshot, const ShowOptions& options);

// "SIGSEGV"; "signal 70" for what has no name.
std::string SignalName(int signal);

// "attach", "exception", …; "unknown".
const char* ReasonName(proto::Reason::Kind kind);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_SHOW_OPTIONS_H_
