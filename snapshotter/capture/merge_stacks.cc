#include "snapshotter/capture/merge_stacks.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

constexpr absl::string_view kEvaluationFunction = "_PyEval_EvalFrameDefault";

// The native frame from `from` on whose part of the stack holds `address`. The outermost frame has no end that is
// known, and is no evaluation when the stack is whole: something has called that.
std::optional<size_t> FrameAt(absl::Span<const NativeFrame> native, Address address, size_t from) {
  for (size_t i = from; i + 1 < native.size(); ++i) {
    if (!native[i].is_signal_trampoline && native[i].sp <= address && address < native[i + 1].sp) return i;
  }
  return std::nullopt;
}

absl::StatusOr<StackPlaces> MergeByAddress(const MergeInput& input) {
  StackPlaces places(input.evaluations.size());
  size_t from = 0;
  bool ended = false;
  for (size_t i = 0; i < places.size(); ++i) {
    const Evaluation& evaluation = input.evaluations[i];
    // Once one is beyond the end, so are all outside of it.
    const std::optional<size_t> at = ended ? std::nullopt : FrameAt(input.native, evaluation.stack_address, from);
    if (at.has_value()) {
      places[i] = at;
      from = *at + 1;
    } else if (evaluation.frame_count > 0) {
      if (input.native_is_whole) {
        return absl::FailedPreconditionError(
            absl::StrFormat("the evaluation at %#x is in none of the native frames that it could be in",
                            evaluation.stack_address.value()));
      }
      ended = true;
    }
  }
  return places;
}

absl::StatusOr<StackPlaces> MergeByFunction(const MergeInput& input) {
  std::vector<size_t> found;
  for (size_t i = 0; i < input.native.size(); ++i) {
    if ((*input.in_evaluation_function)[i]) found.push_back(i);
  }
  const size_t expected = input.evaluations.size();
  if (!input.native_is_whole) {
    return absl::FailedPreconditionError(absl::StrCat("the native frames end early, with ", found.size(), " of ",
                                                      expected, " calls of ", kEvaluationFunction, " among them"));
  }
  if (found.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no native frame can be recognised as a call of ", kEvaluationFunction));
  }
  if (found.size() != expected && found.size() != expected + 1) {
    return absl::FailedPreconditionError(absl::StrCat(found.size(), " calls of ", kEvaluationFunction,
                                                      " are among the native frames, and ", expected, " are expected"));
  }
  StackPlaces places(expected);
  const size_t skipped = found.size() - expected;
  for (size_t i = 0; i < expected; ++i) places[i] = found[i + skipped];
  return places;
}

}  // namespace

bool IsEvaluationFunction(absl::string_view symbol) {
  if (!absl::StartsWith(symbol, kEvaluationFunction)) return false;
  symbol.remove_prefix(kEvaluationFunction.size());
  return symbol.empty() || symbol[0] == '.';
}

absl::StatusOr<StackPlaces> MergeStacks(const MergeInput& input) {
  const auto shows = [](const Evaluation& evaluation) { return evaluation.frame_count > 0; };
  if (std::none_of(input.evaluations.begin(), input.evaluations.end(), shows)) {
    return StackPlaces(input.evaluations.size());
  }
  const bool located = std::all_of(input.evaluations.begin(), input.evaluations.end(),
                                   [&](const Evaluation& e) { return !shows(e) || !e.stack_address.is_null(); });
  return located ? MergeByAddress(input) : MergeByFunction(input);
}

}  // namespace pysnap
