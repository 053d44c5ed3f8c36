// Reads the bytes of a struct sockaddr.
#ifndef PYSNAP_PROCESS_SOCKADDR_H_
#define PYSNAP_PROCESS_SOCKADDR_H_

#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace pysnap {

// One of the structs of the families, or sa_family_t; none when the bytes are too few for it.
template <typename T>
std::optional<T> SockaddrAs(absl::string_view address) {
  T value = {};
  if (address.size() < sizeof(value)) return std::nullopt;
  std::memcpy(&value, address.data(), sizeof(value));
  return value;
}

// Of AF_INET or AF_INET6: "127.0.0.1", "fe80::1". `address` is an in_addr or in6_addr.
std::string NumericAddress(int family, const void* address);

// Of AF_UNIX: its path, or its name in the abstract namespace, which begins with a zero byte; empty without a name.
std::string UnixSocketName(absl::string_view address);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_SOCKADDR_H_
