#include "snapshotter/cpython/behaviours/evaluations.h"

#include <cstddef>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Innermost first, without the one in the thread state, whose link to a next one 3.10 leaves unset (new_threadstate,
// Python/pystate.c). Empty when the list does not lead there.
std::vector<Address> CallsOfTheLoop(const FrameContext& context, Address thread_state, size_t limit) {
  const Layout& layout = context.runtime.layout;
  const AddressRange in_thread_state = {thread_state, static_cast<uint64_t>(layout.PyThreadState.size_)};
  std::vector<Address> calls;
  absl::flat_hash_set<Address> seen;
  absl::StatusOr<Address> c_frame = context.memory.ReadPointer(thread_state + layout.PyThreadState.cframe);
  while (c_frame.ok() && !c_frame->is_null() && calls.size() <= limit && seen.insert(*c_frame).second) {
    if (in_thread_state.contains(*c_frame)) return calls;
    calls.push_back(*c_frame);
    c_frame = context.memory.ReadPointer(*c_frame + layout._PyCFrame.previous);
  }
  return {};
}

}  // namespace

void EvaluationsInCFrames(const FrameContext& context, Address thread_state, FrameChain& chain) {
  // One more call than evaluations that show is possible, while its frame is being set up.
  std::vector<Address> calls = CallsOfTheLoop(context, thread_state, chain.evaluations.size() + 1);
  if (calls.empty() || chain.evaluations.empty()) return;
  // A call is linked to the thread before its frame is, and before that shows.
  if (calls.size() == chain.evaluations.size() + 1) calls.erase(calls.begin());
  if (calls.size() != chain.evaluations.size()) return;
  for (size_t i = 0; i < calls.size(); ++i) chain.evaluations[i].stack_address = calls[i];
}

}  // namespace pysnap
