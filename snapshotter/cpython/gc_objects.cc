#include "snapshotter/cpython/gc_objects.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

// NUM_GENERATIONS (Include/internal/pycore_gc.h, 3.9 to 3.15; pycore_pymem.h in 3.8). The first one is the young one,
// also in 3.14.0 to 3.14.4, where they are called young and old[2].
constexpr int kGenerations = 3;
// Of one list; to look through as many takes seconds, in which the target may have to wait.
constexpr uint64_t kMaxObjects = uint64_t{1} << 27;
// The collector keeps flags in the lowest bits of _gc_next: NEXT_MASK_UNREACHABLE (Modules/gcmodule.c, to 3.12;
// Python/gc.c), _PyGC_NEXT_MASK_OLD_SPACE_1 (Include/internal/pycore_gc.h, 3.14.0 to 3.14.4); and of _gc_prev.
constexpr uint64_t kFlags = 3;
constexpr size_t kMaxStatsSize = 1 << 16;

Address WithoutFlags(Address link) { return Address(link.value() & ~kFlags); }

}  // namespace

GcObjects::GcObjects(const Runtime& runtime, Memory& memory, Address interpreter)
    : runtime_(runtime), layout_(runtime.layout), memory_(memory), interpreter_(interpreter) {}

absl::StatusOr<Address> GcObjects::State() {
  if (layout_._PyRuntimeState.gc != kNoOffset) return runtime_.py_runtime + layout_._PyRuntimeState.gc;
  if (layout_.PyInterpreterState.gc != kNoOffset) return interpreter_ + layout_.PyInterpreterState.gc;
  return absl::UnimplementedError("where the collector's lists are is not known of this micro version");
}

bool GcObjects::IsHead(Address node) {
  const absl::StatusOr<Address> next = memory_.ReadPointer(node + layout_.PyGC_Head._gc_next);
  if (!next.ok()) return false;
  const absl::StatusOr<Address> previous = memory_.ReadPointer(WithoutFlags(*next) + layout_.PyGC_Head._gc_prev);
  return previous.ok() && WithoutFlags(*previous) == node;
}

// The first of so many heads in a row. Micro versions differ in where they begin, by the alignment of PyGC_Head (8, and
// 4 in some of 3.13, with Py_ALIGNED in Include/internal/pycore_gc.h). A list that is just being collected uses
// _gc_prev for other things: one of several may be no head.
absl::StatusOr<Address> GcObjects::FindHeads(Address tabled, int count) {
  for (const int64_t moved : {0, -4, 4}) {
    int heads = 0;
    for (int i = 0; i < count; ++i) heads += IsHead(tabled + moved + i * layout_.gc_generation.size_) ? 1 : 0;
    if (heads > 0 && heads >= count - 1) return tabled + moved;
  }
  return absl::DataLossError("the garbage collector's lists are not where they should be");
}

absl::StatusOr<std::vector<Address>> GcObjects::Heads() {
  ASSIGN_OR_RETURN(const Address state, State());
  const auto& gc = layout_._gc_runtime_state;
  const Offset head = layout_.gc_generation.head;
  ASSIGN_OR_RETURN(const Address first, FindHeads(state + gc.generations + head, kGenerations));
  ASSIGN_OR_RETURN(const Address permanent, FindHeads(state + gc.permanent_generation + head, 1));
  std::vector<Address> heads;
  for (int i = 0; i < kGenerations; ++i) heads.push_back(first + i * layout_.gc_generation.size_);
  heads.push_back(permanent);
  return heads;
}

// A circular list by _gc_next; while the collector works _gc_prev holds other things.
absl::Status GcObjects::VisitList(Address head, absl::FunctionRef<void(Address, Address)> visit) {
  const auto type_at = static_cast<size_t>(int64_t{layout_.PyGC_Head.size_} + layout_.PyObject.ob_type);
  std::array<std::byte, 64> bytes;
  const size_t size = type_at + sizeof(uint64_t);
  if (size > bytes.size()) return absl::InternalError("the table has an object's header larger than it is");
  ASSIGN_OR_RETURN(const Address first, memory_.ReadPointer(head + layout_.PyGC_Head._gc_next));
  Address at = WithoutFlags(first);
  // Brent's: where the walk stood at the last power of two.
  Address mark;
  uint64_t next_mark = 1;
  for (uint64_t count = 0; at != head; ++count) {
    if (at == mark) return absl::DataLossError(absl::StrFormat("the collector's list returns to %#x", at.value()));
    if (count == kMaxObjects) {
      return absl::ResourceExhaustedError("the collector's list has more objects than pysnap looks through");
    }
    if (count == next_mark) {
      mark = at;
      next_mark *= 2;
    }
    RETURN_IF_ERROR(memory_.Read(at, absl::MakeSpan(bytes.data(), size)));
    uint64_t next = 0, type = 0;
    std::memcpy(&next, &bytes[static_cast<size_t>(layout_.PyGC_Head._gc_next)], sizeof(next));
    std::memcpy(&type, &bytes[type_at], sizeof(type));
    visit(at + layout_.PyGC_Head.size_, Address(type));
    at = WithoutFlags(Address(next));
  }
  return absl::OkStatus();
}

absl::Status GcObjects::Visit(GcLists lists, absl::FunctionRef<void(Address object, Address type)> visit) {
  ASSIGN_OR_RETURN(const Address state, State());
  ASSIGN_OR_RETURN(const int32_t collecting, memory_.ReadValue<int32_t>(state + layout_._gc_runtime_state.collecting));
  ASSIGN_OR_RETURN(const std::vector<Address> heads, Heads());
  absl::Status status;
  for (size_t i = 0; i < heads.size(); ++i) {
    if (lists == (i == 0 ? GcLists::kOld : GcLists::kYoung)) continue;
    if (const absl::Status list = VisitList(heads[i], visit); status.ok()) status = list;
  }
  if (collecting != 0 && status.ok()) status = absl::AbortedError("the garbage collector was at work");
  return status;
}

// Every collection counts itself when it ends (gc_collect_main, Modules/gcmodule.c to 3.12, Python/gc.c; add_stats in
// 3.14.0 to 3.14.4). gc.freeze() and gc.unfreeze() put whole lists one behind the other, so that a first or a last
// object changes.
absl::StatusOr<std::string> GcObjects::OldListsMark() {
  ASSIGN_OR_RETURN(const Address state, State());
  const auto& gc = layout_._gc_runtime_state;
  ASSIGN_OR_RETURN(const int32_t collecting, memory_.ReadValue<int32_t>(state + gc.collecting));
  if (collecting != 0) return absl::AbortedError("the garbage collector was at work");
  Address stats = state + gc.generation_stats;
  Offset size = layout_.gc_generation_stats.size_ * kGenerations;
  if (layout_.gc_stats.size_ != kNoOffset) {
    ASSIGN_OR_RETURN(stats, memory_.ReadPointer(stats));
    size = layout_.gc_stats.size_;
  }
  if (size <= 0 || static_cast<size_t>(size) > kMaxStatsSize) return absl::UnimplementedError("no statistics");
  std::vector<char> bytes;
  RETURN_IF_ERROR(memory_.ReadArray(stats, static_cast<size_t>(size), bytes));
  std::string mark(bytes.begin(), bytes.end());
  ASSIGN_OR_RETURN(const std::vector<Address> heads, Heads());
  for (size_t i = 1; i < heads.size(); ++i) {
    ASSIGN_OR_RETURN(const Address first, memory_.ReadPointer(heads[i] + layout_.PyGC_Head._gc_next));
    ASSIGN_OR_RETURN(const Address last, memory_.ReadPointer(heads[i] + layout_.PyGC_Head._gc_prev));
    absl::StrAppend(&mark, " ", heads[i].value(), " ", first.value(), " ", last.value());
  }
  return mark;
}

bool GcObjects::Contains(Address object) {
  const Address node = object - layout_.PyGC_Head.size_;
  const absl::StatusOr<Address> previous = memory_.ReadPointer(node + layout_.PyGC_Head._gc_prev);
  if (!previous.ok() || !IsHead(node)) return false;
  const absl::StatusOr<Address> next = memory_.ReadPointer(WithoutFlags(*previous) + layout_.PyGC_Head._gc_next);
  return next.ok() && WithoutFlags(*next) == node;
}

}  // namespace pysnap
