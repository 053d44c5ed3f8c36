#include "snapshotter/process/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

namespace pysnap {

std::string NumericAddress(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = {};
  return inet_ntop(family, address, text, sizeof(text)) == nullptr ? "" : text;
}

std::string UnixSocketName(absl::string_view address) {
  const absl::string_view path = address.substr(std::min(address.size(), offsetof(sockaddr_un, sun_path)));
  const bool is_abstract = !path.empty() && path[0] == '\0';
  return std::string(is_abstract ? path : path.substr(0, path.find('\0')));
}

}  // namespace pysnap
