// Tells the exceptions that are reported as unhandled from all else that passes a trap point.
#ifndef PYSNAP_SUPERVISE_TRIGGERS_UNHANDLED_EXCEPTION_H_
#define PYSNAP_SUPERVISE_TRIGGERS_UNHANDLED_EXCEPTION_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "snapshotter/capture/occasion.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/supervise/trap_points.h"

namespace pysnap {

class UnhandledException {
 public:
  // What the stop of a thread at a trap point is: kNone when it is no crash (SystemExit, a constructor of something
  // else, an exception that was seen before), else where the exception is. `native_id` is as the target sees it.
  absl::StatusOr<Occasion::Exception> Examine(TrapPoint::Kind kind,
                                              const ThreadHook& hook,
                                              const Runtime& runtime,
                                              Memory& memory,
                                              int64_t native_id,
                                              const Registers& registers);

 private:
  absl::StatusOr<Occasion::Exception> ExamineThread(const ThreadHook* hook,
                                                    const Runtime& runtime,
                                                    Memory& memory,
                                                    const PythonThread& thread,
                                                    const Registers& registers);

  // PyErr_Print has passed on this exception to PyErr_PrintEx, unless that is inlined in it.
  struct Printed {
    int64_t native_id = 0;
    RaisedException exception;
    friend bool operator==(const Printed&, const Printed&) = default;
  };
  std::optional<Printed> printed_;
};

}  // namespace pysnap

#endif  // PYSNAP_SUPERVISE_TRIGGERS_UNHANDLED_EXCEPTION_H_
