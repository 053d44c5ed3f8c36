// The objects that the garbage collector of an interpreter knows.
#ifndef PYSNAP_CPYTHON_GC_OBJECTS_H_
#define PYSNAP_CPYTHON_GC_OBJECTS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

enum class GcLists {
  kAll,
  kYoung,  // to which all new objects come
  kOld,    // all others: to them objects come by a collection, or by gc.freeze()
};

class GcObjects {
 public:
  // Both outlive it.
  GcObjects(const Runtime& runtime, Memory& memory, Address interpreter);

  // Calls `visit` for the objects of these lists, with their types; nothing is known of either but that a list leads
  // there. The status says why some may be missing: Aborted while the collector is at work, which a moment later it is
  // not; DataLoss when a list is broken, ResourceExhausted when it is longer than is looked through.
  absl::Status Visit(GcLists lists, absl::FunctionRef<void(Address object, Address type)> visit);

  // As long as this stays the same, no object has come to the old lists; some may have gone. Aborted while the
  // collector is at work.
  absl::StatusOr<std::string> OldListsMark();

  // Whether the object is in one of the lists: what is before and after it in a list has it after and before it.
  bool Contains(Address object);

 private:
  absl::StatusOr<Address> State();
  absl::StatusOr<Address> FindHeads(Address tabled, int count);
  // All heads, the young one first.
  absl::StatusOr<std::vector<Address>> Heads();
  bool IsHead(Address node);
  absl::Status VisitList(Address head, absl::FunctionRef<void(Address, Address)> visit);

  const Runtime& runtime_;
  const Layout& layout_;
  Memory& memory_;
  const Address interpreter_;
};

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_GC_OBJECTS_H_
