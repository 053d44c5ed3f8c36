// What getsockname(2), getpeername(2) and getsockopt(2) tell of a socket.
#ifndef PYSNAP_PROCESS_SOCKET_FACTS_H_
#define PYSNAP_PROCESS_SOCKET_FACTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pysnap {

// A struct sockaddr each; empty: it is not connected.
struct SocketAddresses {
  std::string address;
  std::string peer;
};

// Numbers as in <sys/socket.h>.
struct SocketFacts {
  SocketAddresses addresses;
  int32_t family = 0;
  int32_t type = 0;
  int32_t protocol = 0;
  bool listening = false;
};

// FailedPrecondition for a descriptor that is no socket's.
absl::StatusOr<SocketAddresses> ReadSocketAddresses(int socket);
absl::StatusOr<SocketFacts> ReadSocketFacts(int socket);

// A struct sockaddr for people: "127.0.0.1:80", "[fe80::1%2]:80", of a Unix socket its path, or its name with a zero
// byte before it; "pid:groups" of netlink, "cid:port" of vsock. Empty for one without a name, of another family, or too
// short.
std::string SocketAddressText(absl::string_view address);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_SOCKET_FACTS_H_
