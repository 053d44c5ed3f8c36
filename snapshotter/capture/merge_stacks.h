// Finds the place of each Python frame on the machine's call stack.
#ifndef PYSNAP_CAPTURE_MERGE_STACKS_H_
#define PYSNAP_CAPTURE_MERGE_STACKS_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "snapshotter/cpython/frame_walker.h"
#include "snapshotter/native/unwinder.h"

namespace pysnap {

// Whether a linker's symbol is that of CPython's evaluation function, or of a part of it that the compiler has moved
// (".cold", ".part.0", ".constprop.0").
bool IsEvaluationFunction(absl::string_view symbol);

struct MergeInput {
  // Innermost first.
  absl::Span<const Evaluation> evaluations;
  absl::Span<const NativeFrame> native;
  // For each native frame: it is in the evaluation function by its symbol.
  const std::vector<bool>* in_evaluation_function = nullptr;
  // The native frames go to the outermost one.
  bool native_is_whole = true;
};

// For each evaluation the index of the native frame that it runs in; nothing for those whose native frames were not
// had, which are outermost, and for evaluations of no frames that are on no stack.
using StackPlaces = std::vector<std::optional<size_t>>;

// An evaluation with a stack address is in the native frame that holds it: no symbol is needed for that. Where
// evaluations have none, each native frame in the evaluation function is one of them, in order; one more than there are
// evaluations is possible innermost, which is then about to begin or to end. FailedPrecondition, with a sentence for
// the user, when they do not fit.
absl::StatusOr<StackPlaces> MergeStacks(const MergeInput& input);

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_MERGE_STACKS_H_
