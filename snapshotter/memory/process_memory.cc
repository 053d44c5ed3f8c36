#include "snapshotter/memory/process_memory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

// The kernel's bound on the iovecs of one call (UIO_MAXIOV).
constexpr size_t kMaxIovecs = 1024;
// The kernel transfers at most this much in one call (MAX_RW_COUNT); more is asked for in further calls.
constexpr size_t kMaxBytes = size_t{1} << 30;

// How much of the request can be asked for at all: the end of the address space bounds it.
size_t Askable(const ReadRequest& request) {
  const uint64_t to_end = std::numeric_limits<uint64_t>::max() - request.address.value();
  return static_cast<size_t>(std::min<uint64_t>(request.out.size(), to_end));
}

absl::Status GoneError(pid_t pid) { return absl::NotFoundError(absl::StrFormat("process %d is gone", pid)); }

}  // namespace

absl::Status ProcessMemory::Read(Address address, absl::Span<std::byte> out) {
  ReadRequest request{address, out};
  RETURN_IF_ERROR(ReadMany(absl::MakeSpan(&request, 1)));
  if (request.done < out.size()) return UnreadableError(address + static_cast<int64_t>(request.done));
  return absl::OkStatus();
}

absl::Status ProcessMemory::ReadMany(absl::Span<ReadRequest> requests) {
  for (ReadRequest& request : requests) request.done = 0;
  if (method_ == Method::kVmReadv) {
    const absl::Status status = ReadManyByVmReadv(requests);
    // A kernel without the call, or a seccomp filter around us, as Docker's older default profile had.
    if (!absl::IsPermissionDenied(status) && !absl::IsUnimplemented(status)) return status;
    if (!OpenProcMem().ok()) return status;
    method_ = Method::kProcMem;
  }
  return ReadManyByProcMem(requests);
}

absl::Status ProcessMemory::ReadManyByVmReadv(absl::Span<ReadRequest> requests) {
  std::array<iovec, kMaxIovecs> local;
  std::array<iovec, kMaxIovecs> remote;
  size_t next = 0;  // the first request that is not finished
  while (next < requests.size()) {
    size_t count = 0;
    size_t bytes = 0;
    for (size_t i = next; i < requests.size() && count < kMaxIovecs && bytes < kMaxBytes; ++i, ++count) {
      const ReadRequest& request = requests[i];
      const size_t size = std::min(Askable(request) - std::min(request.done, Askable(request)), kMaxBytes - bytes);
      local[count] = {request.out.data() + request.done, size};
      remote[count] = {reinterpret_cast<void*>(request.address.value() + request.done), size};
      bytes += size;
    }
    ssize_t got = 0;
    if (bytes > 0) {
      got = process_vm_readv(pid_, local.data(), count, remote.data(), count, 0);
      if (got < 0 && errno != EFAULT) {
        if (errno == ESRCH) return GoneError(pid_);
        if (errno == EPERM) {
          return absl::PermissionDeniedError(absl::StrFormat("reading the memory of process %d is refused", pid_));
        }
        if (errno == ENOSYS) return absl::UnimplementedError("this kernel has no process_vm_readv");
        if (errno == EINTR) continue;
        return absl::InternalError(absl::StrFormat("process_vm_readv: %s", std::strerror(errno)));
      }
    }
    size_t left = got > 0 ? static_cast<size_t>(got) : 0;
    for (size_t i = 0; i < count; ++i) {
      ReadRequest& request = requests[next];
      const size_t taken = std::min(left, local[i].iov_len);
      request.done += taken;
      left -= taken;
      if (taken < local[i].iov_len) {
        // The transfer ends before the first unreadable page, and in no other place. Only when nothing at all was
        // read is it certain that this page is the one, and not that the call was cut short.
        if (got <= 0) ++next;
        break;
      }
      if (request.done < Askable(request)) break;  // kMaxBytes cut it
      ++next;
    }
  }
  return absl::OkStatus();
}

absl::Status ProcessMemory::OpenProcMem() {
  if (proc_mem_.ok()) return absl::OkStatus();
  proc_mem_.reset(open(absl::StrFormat("/proc/%d/mem", pid_).c_str(), O_RDONLY | O_CLOEXEC));
  if (proc_mem_.ok()) return absl::OkStatus();
  if (errno == ENOENT || errno == ESRCH) return GoneError(pid_);
  return absl::PermissionDeniedError(
      absl::StrFormat("reading the memory of process %d is refused: %s", pid_, std::strerror(errno)));
}

absl::Status ProcessMemory::ReadManyByProcMem(absl::Span<ReadRequest> requests) {
  RETURN_IF_ERROR(OpenProcMem());
  for (ReadRequest& request : requests) {
    const size_t size = Askable(request);
    while (request.done < size) {
      const uint64_t at = request.address.value() + request.done;
      // The file's offsets are signed: the upper half, which no user-space memory lies in, cannot be named.
      if (at > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) break;
      const ssize_t got = pread(proc_mem_.get(), request.out.data() + request.done,
                                std::min(size - request.done, kMaxBytes), static_cast<off_t>(at));
      if (got == 0) return GoneError(pid_);  // its address space no longer exists
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      request.done += static_cast<size_t>(got);
    }
  }
  return absl::OkStatus();
}

}  // namespace pysnap
