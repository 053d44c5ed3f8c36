// The names that Python's socket module has for numbers of <sys/socket.h>.
#ifndef PYSNAP_FORMAT_SOCKET_NAMES_H_
#define PYSNAP_FORMAT_SOCKET_NAMES_H_

#include <cstdint>

namespace pysnap::format {

// "AF_INET", "SOCK_STREAM"; null for one that is not known here.
const char* SocketFamilyName(int64_t number);
const char* SocketTypeName(int64_t number);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_SOCKET_NAMES_H_
