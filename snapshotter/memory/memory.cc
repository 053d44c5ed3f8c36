#include "snapshotter/memory/memory.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

constexpr uint64_t kPageSize = 4096;

}  // namespace

absl::Status Memory::ReadMany(absl::Span<ReadRequest> requests) {
  for (ReadRequest& request : requests) {
    absl::Status status = Read(request.address, request.out);
    request.done = request.out.size();
    if (status.ok()) continue;
    // Page by page, to find out how far it can be read.
    request.done = 0;
    while (absl::IsOutOfRange(status) && request.done < request.out.size()) {
      const Address at = request.address + static_cast<int64_t>(request.done);
      const size_t to_page_end = static_cast<size_t>(kPageSize - at.value() % kPageSize);
      const size_t chunk = std::min(to_page_end, request.out.size() - request.done);
      const absl::Status page_status = Read(at, request.out.subspan(request.done, chunk));
      if (absl::IsOutOfRange(page_status)) break;
      status = page_status.ok() ? status : page_status;
      if (page_status.ok()) request.done += chunk;
    }
    if (!absl::IsOutOfRange(status)) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Memory::ReadCString(Address address, size_t limit) {
  std::string result;
  char buffer[256];
  while (result.size() < limit) {
    // Never reads across a page that the string may not reach.
    const uint64_t to_page_end = kPageSize - address.value() % kPageSize;
    const size_t chunk = std::min({sizeof(buffer), limit - result.size(), static_cast<size_t>(to_page_end)});
    RETURN_IF_ERROR(Read(address, absl::MakeSpan(reinterpret_cast<std::byte*>(buffer), chunk)));
    if (const void* nul = std::memchr(buffer, 0, chunk)) {
      result.append(buffer, static_cast<size_t>(static_cast<const char*>(nul) - buffer));
      return result;
    }
    result.append(buffer, chunk);
    address = address + static_cast<int64_t>(chunk);
  }
  return absl::DataLossError(absl::StrFormat("no end of string within %d bytes", limit));
}

absl::Status UnreadableError(Address address) {
  return absl::OutOfRangeError(absl::StrFormat("address %#x cannot be read", address.value()));
}

}  // namespace pysnap
