// Work on hostile data by libraries that may not survive it.
#ifndef PYSNAP_CAPTURE_ISOLATED_H_
#define PYSNAP_CAPTURE_ISOLATED_H_

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pysnap {

// For a process of ours that works on hostile data: when that makes it allocate too much, it is the one to go, and when
// it dies, it leaves no core file.
void BecomeExpendable();
// How a child has ended that was to do something, as a reason. Waits for its end.
absl::Status EndOfChild(pid_t child);
// Writes all of it. False when the reader is gone.
bool WriteAll(int fd, absl::string_view data);

// What is done with each item from 0 to count - 1.
struct IsolatedWork {
  // In a child process, which shares nothing with ours any more: its result is what it appends to `out`.
  absl::FunctionRef<void(size_t item, std::string& out)> work;
  // Here, with that result.
  absl::FunctionRef<void(size_t item, absl::string_view out)> done;
  // Here, when the child died of the item (Internal) or it was not done in time (DeadlineExceeded).
  absl::FunctionRef<void(size_t item, const absl::Status& status)> failed;
};

// Does every item, in order; each is either done or failed when it returns. An item that kills the child costs no
// other: a new child goes on after it, up to some number of deaths. The items together take `timeout` at most. Nobody
// else waits for children of ours meanwhile.
void RunIsolated(size_t count, std::chrono::milliseconds timeout, const IsolatedWork& work);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_ISOLATED_H_
