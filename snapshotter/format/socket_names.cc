#include "snapshotter/format/socket_names.h"

#include <sys/socket.h>

#include <cstddef>

namespace pysnap::format {
namespace {

struct NamedNumber {
  int64_t number;
  const char* name;
};
// Of two names for one number the one that the enum has as its own.
constexpr NamedNumber kFamilies[] = {{AF_UNIX, "AF_UNIX"},       {AF_INET, "AF_INET"},     {AF_INET6, "AF_INET6"},
                                     {AF_NETLINK, "AF_NETLINK"}, {AF_PACKET, "AF_PACKET"}, {AF_VSOCK, "AF_VSOCK"}};
constexpr NamedNumber kTypes[] = {{SOCK_STREAM, "SOCK_STREAM"},
                                  {SOCK_DGRAM, "SOCK_DGRAM"},
                                  {SOCK_RAW, "SOCK_RAW"},
                                  {SOCK_RDM, "SOCK_RDM"},
                                  {SOCK_SEQPACKET, "SOCK_SEQPACKET"}};

template <size_t N>
const char* NameOf(const NamedNumber (&known)[N], int64_t number) {
  for (const NamedNumber& each : known) {
    if (each.number == number) return each.name;
  }
  return nullptr;
}

}  // namespace

const char* SocketFamilyName(int64_t number) { return NameOf(kFamilies, number); }
const char* SocketTypeName(int64_t number) { return NameOf(kTypes, number); }

}  // namespace pysnap::format
