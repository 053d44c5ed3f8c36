// The addresses of sockets, as Python has them.
#ifndef PYSNAP_OBJECTS_DECODERS_SOCKET_ADDRESS_H_
#define PYSNAP_OBJECTS_DECODERS_SOCKET_ADDRESS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/objects/crawl.h"

namespace pysnap {

// The value that socket.getsockname() gives for a struct sockaddr (makesockaddr, Modules/socketmodule.c). Unimplemented
// for a family whose addresses are not known here, DataLoss for too few bytes.
absl::StatusOr<uint32_t> RefSocketAddress(Crawl& crawl, absl::string_view address);
// With touch_only, what that needs.
void TouchSocketAddress(Crawl& crawl);

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_DECODERS_SOCKET_ADDRESS_H_
