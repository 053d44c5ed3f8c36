#include "snapshotter/capture/await_chain.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Bounds a chain that a corrupted target has made up.
constexpr size_t kMaxAwaits = 100'000;

class Follower {
 public:
  Follower(const Runtime& runtime, Memory& memory, FrameWalker& walker)
      : runtime_(runtime), memory_(memory), walker_(walker) {}

  // What `object` leads on to; null when it is no link of such a chain, or the last one.
  absl::StatusOr<Address> Next(Address object, bool* is_link) {
    ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type));
    *is_link = true;
    if (type == runtime_.Symbol("PyCoro_Type") || type == runtime_.Symbol("PyGen_Type") ||
        type == runtime_.Symbol("PyAsyncGen_Type")) {
      return AwaitedBy(object);
    }
    // Objects/genobject.c, 3.8 to 3.15.
    ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(type + runtime_.layout.PyTypeObject.tp_name));
    ASSIGN_OR_RETURN(const std::string text, memory_.ReadCString(name, kMaxNameLength));
    const Layout& layout = runtime_.layout;
    if (text == "coroutine_wrapper") return memory_.ReadPointer(object + layout.PyCoroWrapper.cw_coroutine);
    if (text == "async_generator_asend") return memory_.ReadPointer(object + layout.PyAsyncGenASend.ags_gen);
    if (text == "async_generator_athrow") return memory_.ReadPointer(object + layout.PyAsyncGenAThrow.agt_gen);
    *is_link = false;
    return Address();
  }

 private:
  // What is on top of its stack: where it awaits, that is what it awaits. Above it may be an entry that is no object
  // (3.15, Python/bytecodes.c: SEND).
  absl::StatusOr<Address> AwaitedBy(Address generator) {
    ASSIGN_OR_RETURN(const GeneratorInfo info, runtime_.version->read_generator(runtime_, memory_, generator));
    if (info.state != GeneratorState::kSuspended || info.frame.is_null()) return Address();
    const FrameInfo frame = walker_.ReadFrame(info.frame);
    if (!frame.stack_known) return Address();
    for (size_t i = frame.stack.size(); i-- > 0 && i + 2 >= frame.stack.size();) {
      if (!frame.stack[i].is_null()) return frame.stack[i];
    }
    return Address();
  }

  const Runtime& runtime_;
  Memory& memory_;
  FrameWalker& walker_;
};

}  // namespace

std::vector<Address> FollowAwaits(const Runtime& runtime, Memory& memory, FrameWalker& walker, Address coroutine) {
  std::vector<Address> chain;
  absl::flat_hash_set<Address> seen;
  Follower follower(runtime, memory, walker);
  while (!coroutine.is_null() && chain.size() < kMaxAwaits && seen.insert(coroutine).second) {
    bool is_link = false;
    const absl::StatusOr<Address> next = follower.Next(coroutine, &is_link);
    if (!is_link) break;
    chain.push_back(coroutine);
    if (!next.ok()) break;
    coroutine = *next;
  }
  return chain;
}

}  // namespace pysnap
