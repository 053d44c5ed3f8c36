// The memory of a live process, read by process_vm_readv(2), or through /proc/PID/mem where that is refused.
#ifndef PYSNAP_MEMORY_PROCESS_MEMORY_H_
#define PYSNAP_MEMORY_PROCESS_MEMORY_H_

#include <sys/types.h>

#include <utility>

#include "snapshotter/base/unique_fd.h"
#include "snapshotter/memory/memory.h"

namespace pysnap {

// Reads what is there at the moment of the call: nothing is kept. Reading does not need the target to be stopped.
class ProcessMemory : public Memory {
 public:
  // Which of the two ways is tried first; the other one is only ever used instead of kVmReadv.
  enum class Method { kVmReadv, kProcMem };

  explicit ProcessMemory(pid_t pid, Method method = Method::kVmReadv) : pid_(pid), method_(method) {}

  // From now on reads the memory of this process.
  void Retarget(pid_t pid) {
    pid_ = pid;
    method_ = Method::kVmReadv;
    proc_mem_.reset();
  }
  // From now on reads the memory that an opened /proc/PID/mem stands for.
  void ReadFrom(UniqueFd proc_mem) {
    method_ = Method::kProcMem;
    proc_mem_ = std::move(proc_mem);
  }

  absl::Status Read(Address address, absl::Span<std::byte> out) override;
  absl::Status ReadMany(absl::Span<ReadRequest> requests) override;

 private:
  absl::Status ReadManyByVmReadv(absl::Span<ReadRequest> requests);
  absl::Status ReadManyByProcMem(absl::Span<ReadRequest> requests);
  absl::Status OpenProcMem();

  pid_t pid_;
  Method method_;
  UniqueFd proc_mem_;
};

}  // namespace pysnap

#endif  // PYSNAP_MEMORY_PROCESS_MEMORY_H_
