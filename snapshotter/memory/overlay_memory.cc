#include "snapshotter/memory/overlay_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pysnap {
namespace {

AddressRange Sound(AddressRange range) {
  const uint64_t begin = range.begin.value();
  return {range.begin, begin + range.size < begin ? 0 : range.size};
}

// How many bytes from `address` on are either all in `range` or all outside.
uint64_t Alike(AddressRange range, Address address, uint64_t size) {
  if (range.contains(address)) return std::min(size, static_cast<uint64_t>(range.end() - address));
  return address < range.begin ? std::min(size, static_cast<uint64_t>(range.begin - address)) : size;
}

}  // namespace

OverlayMemory::OverlayMemory(Memory& base, AddressRange range, Address copy, AddressRange lost)
    : base_(base), range_(Sound(range)), copy_(copy), lost_(Sound(lost)) {}

absl::Status OverlayMemory::Read(Address address, absl::Span<std::byte> out) {
  while (!out.empty()) {
    const uint64_t size = Alike(lost_, address, Alike(range_, address, out.size()));
    const bool replaced = range_.contains(address);
    if (!replaced && lost_.contains(address)) return UnreadableError(address);
    const Address source = replaced ? copy_ + (address - range_.begin) : address;
    RETURN_IF_ERROR(base_.Read(source, out.subspan(0, size)));
    out.remove_prefix(size);
    address = address + static_cast<int64_t>(size);
  }
  return absl::OkStatus();
}

}  // namespace pysnap
