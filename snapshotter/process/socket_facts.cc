#include "snapshotter/process/socket_facts.h"

#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/sockaddr.h"

namespace pysnap {
namespace {

using AddressFunction = int (*)(int, sockaddr*, socklen_t*);

// Empty where there is none.
std::string AddressBy(AddressFunction function, int socket) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (function(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return std::string(reinterpret_cast<const char*>(&address), std::min<size_t>(size, sizeof(address)));
}

int32_t Option(int socket, int option) {
  int32_t value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

}  // namespace

absl::StatusOr<SocketAddresses> ReadSocketAddresses(int socket) {
  SocketAddresses addresses;
  errno = 0;
  addresses.address = AddressBy(getsockname, socket);
  if (errno == ENOTSOCK) return absl::FailedPreconditionError("it is no socket");
  addresses.peer = AddressBy(getpeername, socket);
  return addresses;
}

absl::StatusOr<SocketFacts> ReadSocketFacts(int socket) {
  SocketFacts facts;
  ASSIGN_OR_RETURN(facts.addresses, ReadSocketAddresses(socket));
  facts.family = Option(socket, SO_DOMAIN);
  facts.type = Option(socket, SO_TYPE);
  facts.protocol = Option(socket, SO_PROTOCOL);
  facts.listening = Option(socket, SO_ACCEPTCONN) != 0;
  return facts;
}

std::string SocketAddressText(absl::string_view address) {
  const auto family = SockaddrAs<sa_family_t>(address);
  if (!family.has_value()) return {};
  if (*family == AF_UNIX) return UnixSocketName(address);
  if (*family == AF_INET) {
    const auto in = SockaddrAs<sockaddr_in>(address);
    return in.has_value() ? absl::StrCat(NumericAddress(AF_INET, &in->sin_addr), ":", ntohs(in->sin_port)) : "";
  }
  if (*family == AF_INET6) {
    const auto in = SockaddrAs<sockaddr_in6>(address);
    if (!in.has_value()) return {};
    const std::string scope = in->sin6_scope_id == 0 ? "" : absl::StrCat("%", in->sin6_scope_id);
    return absl::StrCat("[", NumericAddress(AF_INET6, &in->sin6_addr), scope, "]:", ntohs(in->sin6_port));
  }
  if (*family == AF_NETLINK) {
    const auto netlink = SockaddrAs<sockaddr_nl>(address);
    return netlink.has_value() ? absl::StrCat(netlink->nl_pid, ":", netlink->nl_groups) : "";
  }
  if (*family == AF_VSOCK) {
    const auto vm = SockaddrAs<sockaddr_vm>(address);
    return vm.has_value() ? absl::StrCat(vm->svm_cid, ":", vm->svm_port) : "";
  }
  return {};
}

}  // namespace pysnap
