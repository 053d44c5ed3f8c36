// threading.Lock and RLock (Modules/_threadmodule.c).
#include <cstdint>

#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

// A PyMutex is one byte, whose first bit says that it is locked (_Py_LOCKED, Include/internal/pycore_lock.h).
absl::StatusOr<bool> IsLocked(Crawl& crawl, Address mutex) {
  ASSIGN_OR_RETURN(const uint8_t bits, crawl.memory().ReadValue<uint8_t>(mutex));
  return (bits & 1) != 0;
}

// A PyThread_type_lock points to a sem_t, on whose first word threads wait (Python/thread_pthread.h; glibc, musl).
absl::Status NoteSemaphore(Crawl& crawl, Address object, Offset field) {
  ASSIGN_OR_RETURN(const Address semaphore, crawl.memory().ReadPointer(object + field));
  crawl.NoteLock(semaphore, object);
  return absl::OkStatus();
}

}  // namespace

// In the course of 3.13 the struct became a smaller one: how large instances are tells which it is.
absl::Status DecodeLock(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  const auto& layout = crawl.layout().lockobject;
  bool locked = false;
  if (layout.locked != kNoOffset && type.shape.basic_size > layout.locked) {
    ASSIGN_OR_RETURN(const uint8_t flag, crawl.memory().ReadValue<uint8_t>(object + layout.locked));
    locked = flag != 0;
    RETURN_IF_ERROR(NoteSemaphore(crawl, object, layout.lock_lock));
  } else if (layout.lock == kNoOffset) {
    return absl::UnimplementedError("a lock of another size");
  } else {
    ASSIGN_OR_RETURN(locked, IsLocked(crawl, object + layout.lock));
    crawl.NoteLock(object + layout.lock, object);
  }
  AddIntPart(crawl, "locked", locked ? 1 : 0, out);
  return absl::OkStatus();
}

// Parts: `owner`, the threading.get_ident() of the thread that has it, and how often that has acquired it.
absl::Status DecodeRLock(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().rlockobject;
  Memory& memory = crawl.memory();
  uint64_t owner = 0;
  uint64_t count = 0;
  if (layout.rlock_count != kNoOffset) {
    ASSIGN_OR_RETURN(owner, memory.ReadValue<uint64_t>(object + layout.rlock_owner));
    ASSIGN_OR_RETURN(count, memory.ReadValue<uint64_t>(object + layout.rlock_count));
    if (count == 0) owner = 0;  // of the last one that had it
    RETURN_IF_ERROR(NoteSemaphore(crawl, object, layout.rlock_lock));
  } else {
    ASSIGN_OR_RETURN(const bool locked, IsLocked(crawl, object + layout.lock_mutex));
    crawl.NoteLock(object + layout.lock_mutex, object);
    if (locked) {
      ASSIGN_OR_RETURN(owner, memory.ReadValue<uint64_t>(object + layout.lock_thread));
      ASSIGN_OR_RETURN(const uint64_t level, memory.ReadValue<uint64_t>(object + layout.lock_level));
      count = level + 1;
    }
  }
  AddIntPart(crawl, "owner", static_cast<int64_t>(owner), out);
  AddIntPart(crawl, "count", static_cast<int64_t>(count), out);
  return absl::OkStatus();
}

}  // namespace pysnap
