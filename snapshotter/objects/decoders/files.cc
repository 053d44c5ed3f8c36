// What stands for something that is open in the system: files and sockets.
#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"
#include "snapshotter/objects/decoders/socket_address.h"
#include "snapshotter/process/open_files.h"

namespace pysnap {
namespace {

absl::StatusOr<int32_t> AddInt32(Crawl& crawl, const char* name, Address object, Offset field, proto::Object& out) {
  ASSIGN_OR_RETURN(const int32_t value, crawl.memory().ReadValue<int32_t>(object + field));
  AddIntPart(crawl, name, value, out);
  return value;
}

// What the kernel said of a descriptor when the target stood still; null with touch_only, and where nobody asks it.
const OpenFile* LookUp(Crawl& crawl, int32_t fd) {
  OpenFiles* files = crawl.options().open_files;
  if (files == nullptr || fd < 0) return nullptr;
  if (!crawl.touch_only()) return files->Find(fd);
  files->Note(fd);
  TouchSocketAddress(crawl);
  return nullptr;
}

void AddAddress(Crawl& crawl, const char* name, const std::string& address, proto::Object& out) {
  if (address.empty()) return;
  const absl::StatusOr<uint32_t> id = RefSocketAddress(crawl, address);
  if (id.ok()) return AddIdPart(crawl, name, *id, out);
  AddAbsentPart(crawl, name, id.status(), out);
}

// What a Buffered object was given to write and has not passed on.
absl::Status AddUnwritten(Crawl& crawl, Address object, int64_t begin, int64_t end, proto::Object& out) {
  const auto& layout = crawl.layout().buffered;
  ASSIGN_OR_RETURN(const int64_t capacity, crawl.memory().ReadValue<int64_t>(object + layout.buffer_size));
  if (begin < 0 || begin > end || end > capacity) {
    return absl::DataLossError(absl::StrFormat("bytes %d to %d of a buffer of %d", begin, end, capacity));
  }
  ASSIGN_OR_RETURN(const Address buffer, crawl.memory().ReadPointer(object + layout.buffer));
  return AddMemoryPart(crawl, "unwritten", buffer + begin, static_cast<uint64_t>(end - begin), 1, out);
}

}  // namespace

// Modules/_io/fileio.c. The open mode is in bit fields. `position`: where the next read or write begins, as the kernel
// has it.
absl::Status DecodeFileIO(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().fileio;
  out.mutable_parts();
  ASSIGN_OR_RETURN(const int32_t fd, AddInt32(crawl, "fd", object, layout.fd, out));
  if (const OpenFile* file = LookUp(crawl, fd); file != nullptr) {
    if (!file->problem.ok()) AddAbsentPart(crawl, "position", file->problem, out);
    if (file->position.has_value()) AddIntPart(crawl, "position", *file->position, out);
  }
  ASSIGN_OR_RETURN(const uint8_t bits, crawl.memory().ReadValue<uint8_t>(object + layout.readable));
  const int close_fd = layout.truncate == kNoOffset ? 6 : 7;  // behind `seekable`, which has two bits
  const struct {
    const char* name;
    int bit;
  } flags[] = {{"created", 0}, {"readable", 1}, {"writable", 2}, {"appending", 3}, {"closefd", close_fd}};
  for (const auto& flag : flags) {
    if ((bits >> flag.bit & 1) != 0) AddIntPart(crawl, flag.name, 1, out);
  }
  if (layout.truncate != kNoOffset && (bits >> 6 & 1) != 0) AddIntPart(crawl, "truncate", 1, out);
  return absl::OkStatus();
}

// Modules/_io/bufferedio.c. The position is that of the raw file as far as it is known, less what was read ahead, or
// with what was not written yet (RAW_OFFSET).
absl::Status DecodeBuffered(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().buffered;
  Memory& memory = crawl.memory();
  RETURN_IF_ERROR(DecodeParts(crawl, object, {{"raw", layout.raw}}, out));
  RETURN_IF_ERROR(AddFlag(crawl, "detached", object, layout.detached, out));
  ASSIGN_OR_RETURN(const int32_t ok, memory.ReadValue<int32_t>(object + layout.ok));
  if (ok == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int32_t readable, memory.ReadValue<int32_t>(object + layout.readable));
  ASSIGN_OR_RETURN(const int32_t writable, memory.ReadValue<int32_t>(object + layout.writable));
  ASSIGN_OR_RETURN(const int64_t absolute, memory.ReadValue<int64_t>(object + layout.abs_pos));
  ASSIGN_OR_RETURN(const int64_t position, memory.ReadValue<int64_t>(object + layout.pos));
  ASSIGN_OR_RETURN(const int64_t raw_position, memory.ReadValue<int64_t>(object + layout.raw_pos));
  ASSIGN_OR_RETURN(const int64_t read_end, memory.ReadValue<int64_t>(object + layout.read_end));
  ASSIGN_OR_RETURN(const int64_t write_begin, memory.ReadValue<int64_t>(object + layout.write_pos));
  ASSIGN_OR_RETURN(const int64_t write_end, memory.ReadValue<int64_t>(object + layout.write_end));
  const bool reads = readable != 0 && read_end != -1;
  const bool writes = writable != 0 && write_end != -1;
  int64_t logical = absolute;
  if ((reads || writes) && raw_position >= 0) logical = absolute - (raw_position - position);
  if (absolute >= 0 && logical >= 0) AddIntPart(crawl, "position", logical, out);
  return writes ? AddUnwritten(crawl, object, write_begin, write_end, out) : absl::OkStatus();
}

// Modules/_io/textio.c. `pending_bytes`: what was written and has not reached the buffer, as bytes or a list of them.
absl::Status DecodeTextIOWrapper(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().textio;
  RETURN_IF_ERROR(AddFlag(crawl, "detached", object, layout.detached, out));
  ASSIGN_OR_RETURN(const uint8_t line_buffering, crawl.memory().ReadValue<uint8_t>(object + layout.line_buffering));
  AddIntPart(crawl, "line_buffering", line_buffering != 0 ? 1 : 0, out);
  return DecodeParts(crawl, object,
                     {{"buffer", layout.buffer},
                      {"encoding", layout.encoding},
                      {"errors", layout.errors},
                      {"unwritten", layout.pending_bytes}},
                     out);
}

// Modules/socketmodule.h. The timeout is in nanoseconds, negative for none. `laddr` and `raddr`: what getsockname() and
// getpeername() would give; no `raddr` where it is not connected.
absl::Status DecodeSocket(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PySocketSockObject;
  out.mutable_parts();
  ASSIGN_OR_RETURN(const int32_t fd, AddInt32(crawl, "fd", object, layout.sock_fd, out));
  RETURN_IF_ERROR(AddInt32(crawl, "family", object, layout.sock_family, out).status());
  RETURN_IF_ERROR(AddInt32(crawl, "type", object, layout.sock_type, out).status());
  RETURN_IF_ERROR(AddInt32(crawl, "proto", object, layout.sock_proto, out).status());
  if (const OpenFile* file = LookUp(crawl, fd); file != nullptr) {
    const absl::Status problem = file->problem.ok() && !file->socket
                                     ? absl::DataLossError(absl::StrFormat("descriptor %d is no socket", fd))
                                     : file->problem;
    if (!problem.ok()) AddAbsentPart(crawl, "laddr", problem, out);
    AddAddress(crawl, "laddr", file->address, out);
    AddAddress(crawl, "raddr", file->peer, out);
  }
  return AddNumbers(crawl, object, {{"timeout", layout.sock_timeout}}, out);
}

}  // namespace pysnap
