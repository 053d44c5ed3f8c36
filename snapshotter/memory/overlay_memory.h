// Memory of which a part lies elsewhere for the time being.
#ifndef PYSNAP_MEMORY_OVERLAY_MEMORY_H_
#define PYSNAP_MEMORY_OVERLAY_MEMORY_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// What is read of `range` is read of as many bytes from `copy` on, and nothing can be read of `lost`; all else is as it
// is. A range that does not end within the address space is taken for empty.
class OverlayMemory : public Memory {
 public:
  // `base` outlives it.
  OverlayMemory(Memory& base, AddressRange range, Address copy, AddressRange lost = {});

  absl::Status Read(Address address, absl::Span<std::byte> out) override;

 private:
  Memory& base_;
  const AddressRange range_;
  const Address copy_;
  const AddressRange lost_;
};

}  // namespace pysnap

#endif  // PYSNAP_MEMORY_OVERLAY_MEMORY_H_
