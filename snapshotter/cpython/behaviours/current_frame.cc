#include "snapshotter/cpython/behaviours/current_frame.h"

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/cpython/behaviours/data_stack.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr uint64_t kWord = sizeof(uint64_t);

absl::Status Contradiction() { return absl::UnavailableError("the thread was just entering a function"); }

// What one call of the evaluation loop is found to run, frame by frame from the innermost on.
class CallOfTheLoop {
 public:
  CallOfTheLoop(const FrameContext& context, Address thread_state)
      : context_(context), data_stack_(context.runtime, context.memory, thread_state) {}

  // The innermost of its frames that is alive; `entered_from`, the frame that the call was made from, when none is.
  absl::StatusOr<Address> InnermostAlive(Address frame, Address entered_from) {
    bool in_call = true;
    absl::flat_hash_set<Address> seen;
    // On to the first two frames on the data stack, to see whether they are neighbours.
    while (in_call || (!inner_.is_null() && !neighbours_seen_ && !frame.is_null())) {
      if (!seen.insert(frame).second) return Contradiction();
      ASSIGN_OR_RETURN(const Links links, ReadLinks(frame));
      if (links.owner != FrameOwner::kShim) RETURN_IF_ERROR(Visit(frame, links.owner, in_call));
      if (in_call && links.is_entry) {
        if (links.previous != entered_from) return Contradiction();
        in_call = false;
      }
      frame = links.previous;
    }
    if (!innermost_.is_null()) return innermost_;
    RETURN_IF_ERROR(CheckIsLast(entered_from));
    return entered_from;
  }

 private:
  struct Links {
    Address previous;
    FrameOwner owner = FrameOwner::kShim;
    bool is_entry = false;
  };

  absl::StatusOr<Links> ReadLinks(Address frame) {
    const auto& layout = context_.runtime.layout._PyInterpreterFrame;
    Memory& memory = context_.memory;
    Links links;
    ASSIGN_OR_RETURN(links.previous, memory.ReadPointer(frame + layout.previous));
    ASSIGN_OR_RETURN(const uint8_t owner, memory.ReadValue<uint8_t>(frame + layout.owner));
    links.owner = OwnerOf(owner);
    links.is_entry = links.owner == FrameOwner::kShim;
    if (layout.is_entry != kNoOffset) {
      ASSIGN_OR_RETURN(const uint8_t is_entry, memory.ReadValue<uint8_t>(frame + layout.is_entry));
      links.is_entry = is_entry != 0;
    }
    return links;
  }

  // That the data stack ends with this frame, or with the first one outwards of it that lies on it: else it is not the
  // innermost one. What the call is said to be entered from may be as stale as what it is said to run.
  absl::Status CheckIsLast(Address frame) {
    absl::flat_hash_set<Address> seen;
    while (!frame.is_null()) {
      if (!seen.insert(frame).second) return Contradiction();
      ASSIGN_OR_RETURN(const Links links, ReadLinks(frame));
      if (links.owner != FrameOwner::kShim) {
        ASSIGN_OR_RETURN(const uint64_t size, SizeOf(frame));
        ASSIGN_OR_RETURN(const bool alive, IsAlive(frame, links.owner));
        if (!alive) return Contradiction();
        if (links.owner == FrameOwner::kThread) {
          ASSIGN_OR_RETURN(const Address top, data_stack_.Top());
          return frame + static_cast<int64_t>(size) == top ? absl::OkStatus() : Contradiction();
        }
      }
      frame = links.previous;
    }
    ASSIGN_OR_RETURN(const bool empty, data_stack_.IsEmpty());
    return empty ? absl::OkStatus() : Contradiction();
  }

  absl::Status Visit(Address frame, FrameOwner owner, bool in_call) {
    ASSIGN_OR_RETURN(const uint64_t size, SizeOf(frame));
    ASSIGN_OR_RETURN(const bool alive, IsAlive(frame, owner));
    // Those that have ended are the innermost ones, if there are any: they are left while they are linked.
    if (!alive) return in_call && innermost_.is_null() ? absl::OkStatus() : Contradiction();
    if (in_call && innermost_.is_null()) innermost_ = frame;
    if (owner != FrameOwner::kThread || neighbours_seen_) return absl::OkStatus();
    if (inner_.is_null()) {
      inner_ = frame;
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const bool neighbours, data_stack_.AreNeighbours(inner_, frame, size));
    neighbours_seen_ = true;
    return neighbours ? absl::OkStatus() : Contradiction();
  }

  // Bytes on the data stack (_PyFrame_PushUnchecked, Include/internal/pycore_frame.h). DataLoss when there is no code.
  absl::StatusOr<uint64_t> SizeOf(Address frame) {
    const Layout& layout = context_.runtime.layout;
    Memory& memory = context_.memory;
    ASSIGN_OR_RETURN(const Address code, memory.ReadPointer(frame + layout._PyInterpreterFrame.f_executable));
    ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(code + layout.PyObject.ob_type));
    if (type != context_.runtime.Symbol("PyCode_Type")) return Contradiction();
    ASSIGN_OR_RETURN(const int32_t slots, memory.ReadValue<int32_t>(code + layout.PyCodeObject.co_nlocalsplus));
    ASSIGN_OR_RETURN(const int32_t stack, memory.ReadValue<int32_t>(code + layout.PyCodeObject.co_stacksize));
    if (slots < 0 || stack < 0) return Contradiction();
    return static_cast<uint64_t>(layout._PyInterpreterFrame.localsplus) +
           (static_cast<uint64_t>(slots) + static_cast<uint64_t>(stack)) * kWord;
  }

  absl::StatusOr<bool> IsAlive(Address frame, FrameOwner owner) {
    if (owner == FrameOwner::kThread) return data_stack_.IsAlive(frame);
    if (owner != FrameOwner::kGenerator) return false;  // a PyFrameObject's own frame runs nothing
    ASSIGN_OR_RETURN(const GeneratorInfo generator,
                     context_.runtime.version->read_generator(context_.runtime, context_.memory,
                                                              frame - context_.runtime.layout.PyGenObject.gi_iframe));
    return generator.state == GeneratorState::kRunning;
  }

  const FrameContext& context_;
  const DataStack data_stack_;
  Address innermost_;
  // The innermost frame on the data stack that is alive.
  Address inner_;
  bool neighbours_seen_ = false;
};

}  // namespace

absl::StatusOr<Address> CurrentFrameInThreadState(const FrameContext& context,
                                                  Address thread_state,
                                                  std::optional<Address>) {
  const auto& layout = context.runtime.layout.PyThreadState;
  return context.memory.ReadPointer(thread_state +
                                    (layout.current_frame != kNoOffset ? layout.current_frame : layout.frame));
}

absl::StatusOr<Address> CurrentFrameInCFrame(const FrameContext& context,
                                             Address thread_state,
                                             std::optional<Address> pc) {
  const Layout& layout = context.runtime.layout;
  Memory& memory = context.memory;
  ASSIGN_OR_RETURN(const Address c_frame, memory.ReadPointer(thread_state + layout.PyThreadState.cframe));
  if (c_frame.is_null()) return Address();
  ASSIGN_OR_RETURN(const Address current, memory.ReadPointer(c_frame + layout._PyCFrame.current_frame));
  // The outermost one is no call of the loop.
  const AddressRange in_thread_state = {thread_state, static_cast<uint64_t>(layout.PyThreadState.size_)};
  if (in_thread_state.contains(c_frame)) return current;
  const AddressRange& loop = context.runtime.evaluation_loop;
  if (pc.has_value() && loop.size != 0 && !loop.contains(*pc)) return current;

  const absl::StatusOr<Address> outer = memory.ReadPointer(c_frame + layout._PyCFrame.previous);
  const absl::StatusOr<Address> entered_from =
      outer.ok() ? memory.ReadPointer(*outer + layout._PyCFrame.current_frame) : outer.status();
  if (!entered_from.ok()) return Contradiction();
  const absl::StatusOr<Address> innermost = CallOfTheLoop(context, thread_state).InnermostAlive(current, *entered_from);
  return innermost.ok() ? innermost : Contradiction();
}

}  // namespace pysnap
