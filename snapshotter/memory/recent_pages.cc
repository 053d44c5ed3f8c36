#include "snapshotter/memory/recent_pages.h"

#include <algorithm>
#include <cstring>

namespace pysnap {

absl::Status RecentPages::Read(Address address, absl::Span<std::byte> out) {
  while (!out.empty()) {
    const uint64_t page = address.value() / kPageSize;
    const uint64_t within = address.value() % kPageSize;
    const size_t size = std::min<size_t>(out.size(), kPageSize - within);
    Slot& slot = slots_[page % kSlots];
    if (slot.page != page) {
      slot.page = kNone;
      slot.bytes.resize(kPageSize);
      RETURN_IF_ERROR(base_.Read(Address(page * kPageSize), absl::MakeSpan(slot.bytes)));
      slot.page = page;
    }
    std::memcpy(out.data(), slot.bytes.data() + within, size);
    out.remove_prefix(size);
    address = address + static_cast<int64_t>(size);
  }
  return absl::OkStatus();
}

}  // namespace pysnap
