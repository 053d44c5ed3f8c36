// The target's memory, wherever it comes from: a live process, kept pages, a core file, a test.
//
//   ASSIGN_OR_RETURN(Address type, memory.ReadPointer(object + layout.PyObject.ob_type));
#ifndef PYSNAP_MEMORY_MEMORY_H_
#define PYSNAP_MEMORY_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {

// One part of a batched read; see Memory::ReadMany.
struct ReadRequest {
  Address address;
  absl::Span<std::byte> out;
  // Set by ReadMany: how many bytes were read. When fewer than out.size(), address + done is unreadable.
  size_t done = 0;
};

// Not thread-safe. Everything read is hostile: callers bound lengths before they allocate.
class Memory {
 public:
  virtual ~Memory() = default;

  // Fills `out` with the bytes at `address`. OutOfRange, naming the first unreadable address, when any of them cannot
  // be read; `out` is then unspecified. PermissionDenied or NotFound when the whole target is out of reach.
  virtual absl::Status Read(Address address, absl::Span<std::byte> out) = 0;

  // Serves many reads in as few system calls as can be. An unreadable part shows in its request's `done` and does not
  // keep the others from being served; the status is not OK only when the whole target is out of reach.
  virtual absl::Status ReadMany(absl::Span<ReadRequest> requests);

  // Says that these ranges are about to be read, so that an implementation may fetch them in one go. Never fails:
  // what cannot be fetched shows when it is read.
  virtual void Prefetch(absl::Span<const AddressRange> ranges) { (void)ranges; }

  // Reads a trivially copyable value. The target's byte order is the host's.
  template <typename T>
  absl::StatusOr<T> ReadValue(Address address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    RETURN_IF_ERROR(Read(address, absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(T))));
    return value;
  }

  absl::StatusOr<Address> ReadPointer(Address address) {
    ASSIGN_OR_RETURN(uint64_t value, ReadValue<uint64_t>(address));
    return Address(value);
  }

  // Reads `count` values into `out` (resized). The caller has bounded `count`; the last value is probed before memory
  // for a long array is allocated, so that a corrupted length costs nothing.
  template <typename Vector>
  absl::Status ReadArray(Address address, size_t count, Vector& out) {
    using Value = typename Vector::value_type;
    constexpr size_t kLong = 16384;
    if (count > kLong / sizeof(Value)) {
      RETURN_IF_ERROR(ReadValue<Value>(address + static_cast<int64_t>((count - 1) * sizeof(Value))).status());
    }
    out.resize(count);
    return Read(address, absl::MakeSpan(reinterpret_cast<std::byte*>(out.data()), count * sizeof(Value)));
  }

  // Reads up to the terminating NUL, at most `limit` bytes. DataLoss when there is no NUL within them.
  absl::StatusOr<std::string> ReadCString(Address address, size_t limit);
};

// The error of a Read that could not be served.
absl::Status UnreadableError(Address address);

}  // namespace pysnap

#endif  // PYSNAP_MEMORY_MEMORY_H_
