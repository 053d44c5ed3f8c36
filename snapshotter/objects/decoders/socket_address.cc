#include "snapshotter/objects/decoders/socket_address.h"

#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <initializer_list>
#include <string>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/objects/attributes.h"
#include "snapshotter/process/sockaddr.h"

namespace pysnap {
namespace {

uint32_t RefTuple(Crawl& crawl, std::initializer_list<uint32_t> items) {
  proto::Object tuple;
  tuple.mutable_sequence()->set_kind(proto::Sequence::TUPLE);
  for (const uint32_t item : items) tuple.mutable_sequence()->add_item(item);
  return crawl.RefMade("PyTuple_Type", std::move(tuple));
}

// A path, bytes in the abstract namespace (they begin with a zero), or an empty str where it has no name.
uint32_t RefUnix(Crawl& crawl, absl::string_view address) {
  const std::string name = UnixSocketName(address);
  if (name.empty() || name[0] != '\0') return RefText(crawl, name);
  proto::Object bytes;
  bytes.set_bytes_value(name);
  return crawl.RefMade("PyBytes_Type", std::move(bytes));
}

}  // namespace

absl::StatusOr<uint32_t> RefSocketAddress(Crawl& crawl, absl::string_view address) {
  const auto family = SockaddrAs<sa_family_t>(address);
  if (!family.has_value()) return absl::DataLossError("an address without its family");
  switch (*family) {
    case AF_UNIX:
      return RefUnix(crawl, address);
    case AF_INET:
      if (const auto in = SockaddrAs<sockaddr_in>(address); in.has_value()) {
        return RefTuple(crawl,
                        {RefText(crawl, NumericAddress(AF_INET, &in->sin_addr)), crawl.RefInt(ntohs(in->sin_port))});
      }
      break;
    case AF_INET6:
      if (const auto in = SockaddrAs<sockaddr_in6>(address); in.has_value()) {
        return RefTuple(crawl,
                        {RefText(crawl, NumericAddress(AF_INET6, &in->sin6_addr)), crawl.RefInt(ntohs(in->sin6_port)),
                         crawl.RefInt(ntohl(in->sin6_flowinfo)), crawl.RefInt(in->sin6_scope_id)});
      }
      break;
    case AF_NETLINK:
      if (const auto netlink = SockaddrAs<sockaddr_nl>(address); netlink.has_value()) {
        return RefTuple(crawl, {crawl.RefInt(netlink->nl_pid), crawl.RefInt(netlink->nl_groups)});
      }
      break;
    case AF_VSOCK:
      if (const auto vm = SockaddrAs<sockaddr_vm>(address); vm.has_value()) {
        return RefTuple(crawl, {crawl.RefInt(vm->svm_cid), crawl.RefInt(vm->svm_port)});
      }
      break;
    default:
      return absl::UnimplementedError(absl::StrFormat("addresses of family %d are not told", *family));
  }
  return absl::DataLossError(absl::StrFormat("an address of family %d has %d bytes", *family, address.size()));
}

void TouchSocketAddress(Crawl& crawl) {
  for (const char* type : {"PyTuple_Type", "PyUnicode_Type", "PyBytes_Type", "PyLong_Type", "PyBaseObject_Type"}) {
    crawl.RefEssential(crawl.runtime().Symbol(type));
  }
}

}  // namespace pysnap
