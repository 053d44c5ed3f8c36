// Tells the exceptions that are reported as unhandled from all else that passes a trap point.
#ifndef PYSNAP_SUPERVISE_TRIGGERS_UNHANDLED_EXCEPTION_H_
#define PYSNAP_SUPERVISE_TRIGGERS_UNHANDLED_EXCEPTION_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/capture/occasion.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/registers.h"
#include "snapshotter/supervise/trap_points.h"

namespace pysnap {

// What the stop of a thread at a trap point is.
struct Finding {
  enum class Kind {
    kNothing,   // a constructor of something else, an exception that was seen before, SystemExit in a thread
    kCrash,     // the exception is about to be reported
    kExit,      // SystemExit is about to end the process
    kFinalize,  // the interpreter is about to be finalized
  };
  Kind kind = Kind::kNothing;
  Occasion::Exception exception = Occasion::Exception::kNone;
  Address stored = {};  // see Occasion
};

class UnhandledException {
 public:
  // `native_id` is as the target sees it.
  absl::StatusOr<Finding> Examine(TrapPoint::Kind kind,
                                  const ThreadHook& hook,
                                  const Runtime& runtime,
                                  Memory& memory,
                                  int64_t native_id,
                                  const Registers& registers);

 private:
  absl::StatusOr<Finding> ExamineThread(const ThreadHook* hook,
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
