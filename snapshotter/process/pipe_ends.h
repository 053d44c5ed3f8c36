// Who has the other end of a pipe.
#ifndef PYSNAP_PROCESS_PIPE_ENDS_H_
#define PYSNAP_PROCESS_PIPE_ENDS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace pysnap {

struct PipeIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  // What its links in /proc/PID/fd say, as we see it: "pipe:[123]", or a FIFO's path.
  std::string link;
  // Ends like this one; both for one that is opened for both.
  bool reads = false;
  bool writes = false;
};

struct PipeEnd {
  pid_t pid = 0;  // as we see it
  int32_t fd = -1;
  std::string program;  // comm
};

struct PipeEnds {
  std::vector<PipeEnd> ends;
  // Why there may be more of them than `ends`: PermissionDenied (processes that may not be looked at),
  // ResourceExhausted.
  absl::Status problem;
};

// Descriptors that the other ends of `pipes` are held by, in the same order, as /proc of now tells: the pipe is known
// by its inode, the end by how it is open. None of the processes notices. Bounded in time (200 ms).
std::vector<PipeEnds> FindPipeEnds(const std::vector<PipeIdentity>& pipes);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_PIPE_ENDS_H_
