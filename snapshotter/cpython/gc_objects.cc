#include "snapshotter/cpython/gc_objects.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

// NUM_GENERATIONS (Include/internal/pycore_gc.h, 3.9 to 3.15; pycore_pymem.h in 3.8).
constexpr int kGenerations = 3;
// Of one list; to look through as many takes seconds, in which the target may have to wait.
constexpr uint64_t kMaxObjects = uint64_t{1} << 27;
// The collector keeps flags in the lowest bits of _gc_next: NEXT_MASK_UNREACHABLE (Modules/gcmodule.c, to 3.12;
// Python/gc.c), _PyGC_NEXT_MASK_OLD_SPACE_1 (Include/internal/pycore_gc.h, 3.14.0 to 3.14.4).
constexpr uint64_t kFlags = 3;

// A PyGC_Head and the beginning of the object behind it.
struct Node {
  Address next;
  Address type;
};

class Walk {
 public:
  Walk(const Runtime& runtime, Memory& memory) : layout_(runtime.layout), memory_(memory) {}

  // A circular list by _gc_next; while the collector works _gc_prev holds other things.
  absl::Status Visit(Address head, absl::FunctionRef<void(Address, Address)> visit) {
    ASSIGN_OR_RETURN(const uint64_t first, memory_.ReadValue<uint64_t>(head + layout_.PyGC_Head._gc_next));
    Address at(first & ~kFlags);
    // Brent's: where the walk stood at the last power of two.
    Address mark;
    uint64_t next_mark = 1;
    for (uint64_t count = 0; at != head; ++count) {
      if (at == mark) return absl::DataLossError(absl::StrFormat("the collector's list returns to %#x", at.value()));
      if (count == kMaxObjects)
        return absl::ResourceExhaustedError("the collector's list has more objects than pysnap looks through");
      if (count == next_mark) {
        mark = at;
        next_mark *= 2;
      }
      ASSIGN_OR_RETURN(const Node node, Read(at));
      visit(at + layout_.PyGC_Head.size_, node.type);
      at = node.next;
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Node> Read(Address at) {
    const auto type_at = static_cast<size_t>(layout_.PyGC_Head.size_ + layout_.PyObject.ob_type);
    std::array<std::byte, 64> bytes;
    const size_t size = type_at + sizeof(uint64_t);
    if (size > bytes.size()) return absl::InternalError("the table has an object's header larger than it is");
    RETURN_IF_ERROR(memory_.Read(at, absl::MakeSpan(bytes.data(), size)));
    uint64_t next = 0, type = 0;
    std::memcpy(&next, &bytes[static_cast<size_t>(layout_.PyGC_Head._gc_next)], sizeof(next));
    std::memcpy(&type, &bytes[type_at], sizeof(type));
    return Node{.next = Address(next & ~kFlags), .type = Address(type)};
  }

  const Layout& layout_;
  Memory& memory_;
};

}  // namespace

absl::Status VisitGcObjects(const Runtime& runtime,
                            Memory& memory,
                            Address interpreter,
                            absl::FunctionRef<void(Address object, Address type)> visit) {
  const Layout& layout = runtime.layout;
  const bool of_runtime = layout._PyRuntimeState.gc != kNoOffset;
  if (!of_runtime && layout.PyInterpreterState.gc == kNoOffset) {
    return absl::UnimplementedError("where the collector's lists are is not known of this micro version");
  }
  const Address state =
      of_runtime ? runtime.py_runtime + layout._PyRuntimeState.gc : interpreter + layout.PyInterpreterState.gc;
  Walk walk(runtime, memory);
  absl::Status status;
  const auto note = [&status](const absl::Status& other) {
    if (status.ok()) status = other;
  };
  const absl::StatusOr<int32_t> collecting = memory.ReadValue<int32_t>(state + layout._gc_runtime_state.collecting);
  if (!collecting.ok()) return collecting.status();
  for (int i = 0; i < kGenerations; ++i) {
    note(walk.Visit(
        state + layout._gc_runtime_state.generations + i * layout.gc_generation.size_ + layout.gc_generation.head,
        visit));
  }
  note(walk.Visit(state + layout._gc_runtime_state.permanent_generation + layout.gc_generation.head, visit));
  if (*collecting != 0) note(absl::AbortedError("the garbage collector was at work"));
  return status;
}

}  // namespace pysnap
