// repr() of sockets (Lib/socket.py, Modules/socketmodule.c).
#ifndef PYSNAP_FORMAT_SOCKET_REPR_H_
#define PYSNAP_FORMAT_SOCKET_REPR_H_

#include <string_view>

#include "snapshotter/format/library_repr.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Of an object of the type `module`.socket, a module of that name or the one in C beneath it; nothing where what is
// captured does not tell it.
ReprPieces SocketRepr(const LoadedSnapshot& snapshot, const proto::Object& object, std::string_view module);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_SOCKET_REPR_H_
