#include "snapshotter/cpython/frame_walker.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "snapshotter/cpython/behaviours/frames.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// More than any program's recursion limit allows in the memory of one machine; ends a corrupted chain that does not
// close upon itself.
constexpr size_t kMaxFrames = 10'000'000;

size_t EvaluatedFrames(const FrameChain& chain) {
  if (chain.evaluations.empty()) return 0;
  return chain.evaluations.back().first_frame + chain.evaluations.back().frame_count;
}

void EndEvaluation(FrameChain& chain, Address stack_address) {
  const size_t first = EvaluatedFrames(chain);
  chain.evaluations.push_back(
      {.stack_address = stack_address, .first_frame = first, .frame_count = chain.frames.size() - first});
}

}  // namespace

FrameChain FrameWalker::WalkThread(Address thread_state, std::optional<Address> pc) {
  const FrameContext context{runtime_, memory_, code_reader_};
  const absl::StatusOr<Address> innermost = runtime_.version->current_frame(context, thread_state, pc);
  if (!innermost.ok()) return FrameChain{.frames = {}, .evaluations = {}, .truncated = innermost.status()};
  FrameChain chain = WalkFrom(*innermost);
  if (!chain.frames.empty() && chain.frames[0].problem.ok()) {
    chain.frames[0].torn_slot = runtime_.version->find_torn_local(context, chain.frames[0]);
  }
  return chain;
}

FrameChain FrameWalker::WalkFrom(Address frame) {
  const FrameContext context{runtime_, memory_, code_reader_};
  FrameChain chain;
  absl::flat_hash_set<Address> seen;
  // With shims, a frame is an entry when the next thing outwards is a shim, or nothing.
  const bool has_shims = runtime_.version->has_entry_shims;
  FrameInfo* inner = nullptr;  // the last frame read, while that is not settled
  while (!frame.is_null()) {
    if (!seen.insert(frame).second) {
      chain.truncated = absl::DataLossError(absl::StrFormat("the chain of frames returns to %#x", frame.value()));
      break;
    }
    if (chain.frames.size() >= kMaxFrames) {
      chain.truncated = absl::ResourceExhaustedError("more frames than pysnap follows");
      break;
    }
    const absl::StatusOr<FrameLinks> links = runtime_.version->read_frame_links(context, frame);
    if (!links.ok()) {
      chain.truncated = links.status();
      break;
    }
    if (has_shims && inner != nullptr && (links->is_shim || !links->hidden)) {
      inner->is_entry = links->is_shim;
      inner = nullptr;
    }
    if (links->is_shim) EndEvaluation(chain, frame);
    if (links->hidden && !links->is_shim && !chain.frames.empty()) chain.frames.back().has_hidden_caller = true;
    if (!links->hidden) {
      chain.frames.push_back(ReadFrame(frame));
      inner = &chain.frames.back();
      // Without shims, the frame itself tells.
      if (!has_shims && inner->is_entry) EndEvaluation(chain, Address());
    }
    frame = links->previous;
  }
  if (EvaluatedFrames(chain) < chain.frames.size()) EndEvaluation(chain, Address());
  return chain;
}

void FrameWalker::LocateEvaluations(Address thread_state, FrameChain& chain) {
  if (runtime_.version->locate_evaluations == nullptr) return;
  const FrameContext context{runtime_, memory_, code_reader_};
  runtime_.version->locate_evaluations(context, thread_state, chain);
}

FrameInfo FrameWalker::ReadFrame(Address frame) {
  const FrameContext context{runtime_, memory_, code_reader_};
  FrameInfo info;
  info.address = frame;
  info.problem = runtime_.version->read_frame_contents(context, info);
  if (info.code != nullptr) info.position = code_reader_.Position(*info.code, info.lasti);
  return info;
}

absl::StatusOr<FrameInfo> FrameWalker::ReadFrameObject(Address frame_object) {
  ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(frame_object + runtime_.layout.PyObject.ob_type));
  if (type != runtime_.Symbol("PyFrame_Type")) return absl::DataLossError("not a frame object");
  if (runtime_.layout.PyFrameObject.f_frame == kNoOffset) return ReadFrame(frame_object);
  ASSIGN_OR_RETURN(const Address frame, memory_.ReadPointer(frame_object + runtime_.layout.PyFrameObject.f_frame));
  return ReadFrame(frame);
}

}  // namespace pysnap
