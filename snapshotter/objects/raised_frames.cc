#include "snapshotter/objects/raised_frames.h"

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/cpython/type_flags.h"

namespace pysnap {
namespace {

constexpr size_t kMaxExceptions = 10'000;
constexpr size_t kMaxTracebacks = 1'000'000;
constexpr uint64_t kMaxGroup = 10'000;

}  // namespace

std::vector<Address> RaisedFrames(const Runtime& runtime,
                                  Memory& memory,
                                  TypeTable& types,
                                  std::vector<RaisedRoot> roots) {
  const Layout& layout = runtime.layout;
  const auto read = [&](Address field) { return memory.ReadPointer(field).value_or(Address()); };
  const auto& exception = layout.PyBaseExceptionObject;
  std::vector<Address> tracebacks;
  absl::flat_hash_set<Address> seen;
  while (!roots.empty() && seen.size() < kMaxExceptions) {
    const RaisedRoot root = roots.back();
    roots.pop_back();
    if (!root.traceback.is_null()) tracebacks.push_back(root.traceback);
    const Address type = root.object.is_null() ? Address() : read(root.object + layout.PyObject.ob_type);
    if (type.is_null()) continue;
    const TypeInfo& info = types.Get(type);
    const bool is_exception = info.problem.ok() && (info.shape.flags & kTypeBaseExcSubclass) != 0;
    if (!is_exception || !seen.insert(root.object).second) continue;
    tracebacks.push_back(read(root.object + exception.traceback));
    roots.push_back({read(root.object + exception.cause), {}});
    roots.push_back({read(root.object + exception.context), {}});
    if (info.decoded_as == nullptr || info.decoded_as->name != "BaseExceptionGroup") continue;
    const Address excs = read(root.object + layout.PyBaseExceptionGroupObject.excs);
    const uint64_t size = memory.ReadValue<uint64_t>(excs + layout.PyVarObject.ob_size).value_or(0);
    std::vector<uint64_t> items;
    if (size > kMaxGroup || !memory.ReadArray(excs + layout.PyTupleObject.ob_item, size, items).ok()) continue;
    for (const uint64_t item : items) roots.push_back({Address(item), {}});
  }
  std::vector<Address> frames;
  absl::flat_hash_set<Address> walked;
  for (Address traceback : tracebacks) {
    while (!traceback.is_null() && walked.size() < kMaxTracebacks && walked.insert(traceback).second) {
      Address frame = read(traceback + layout.PyTracebackObject.tb_frame);
      const Offset inner = layout.PyFrameObject.f_frame;
      if (inner != kNoOffset && !frame.is_null()) frame = read(frame + inner);
      if (!frame.is_null()) frames.push_back(frame);
      traceback = read(traceback + layout.PyTracebackObject.tb_next);
    }
  }
  return frames;
}

}  // namespace pysnap
