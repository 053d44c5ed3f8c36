// A process that is running now.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<LiveTarget> target, LiveTarget::Open(pid));
#ifndef PYSNAP_PROCESS_LIVE_TARGET_H_
#define PYSNAP_PROCESS_LIVE_TARGET_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "snapshotter/memory/process_memory.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class LiveTarget : public Target {
 public:
  // Opens it, without stopping or otherwise touching it. The error says in a sentence for the user why it cannot be:
  // NotFound (there is no such process, or it is a thread's id), PermissionDenied (with what to do about it),
  // FailedPrecondition (it is a zombie, a thread of the kernel, or pysnap itself).
  static absl::StatusOr<std::unique_ptr<LiveTarget>> Open(pid_t pid);

  const ProcessInfo& info() const override { return info_; }
  Memory& memory() override { return memory_; }
  const std::vector<Mapping>& mappings() const override { return mappings_; }
  absl::Status RefreshMappings() override;
  absl::StatusOr<UniqueFd> OpenMapping(const Mapping& mapping) override;
  absl::StatusOr<UniqueFd> OpenPath(const std::string& path) override;
  absl::StatusOr<std::vector<KernelThread>> ListThreads() override;
  PagePresence presence() override;

  pid_t pid() const { return pid_; }
  // /proc/PID, opened.
  int proc_dir() const { return proc_dir_.get(); }
  // The thread that files and memory are reached through: the first one, unless that has ended before the others; and
  // its folder in /proc, opened.
  pid_t living_tid() const { return memory_pid_; }
  int living_dir() const { return memory_dir_.get(); }
  // Whether thread ids in the target are ours.
  bool same_pid_namespace() const { return same_pid_namespace_; }
  // The path that the target would use, for one as /proc shows it to us.
  std::string InTargetsRoot(const std::string& path) const;
  // Aborted when the process has called exec since it was opened: all that was learnt about it is void.
  absl::Status CheckSameProgram();
  // FailedPrecondition between vfork() and exec(): the memory is that of the parent, whose threads go on in it.
  absl::Status CheckOwnMemory() const;
  // Lets memory() read what an opened /proc/PID/mem stands for, a copy of the target, until ReadOwnMemory.
  void ReadMemoryFrom(UniqueFd proc_mem) { memory_.ReadFrom(std::move(proc_mem)); }
  void ReadOwnMemory() { memory_.Retarget(memory_pid_); }

 private:
  LiveTarget(pid_t pid, UniqueFd proc_dir) : pid_(pid), memory_pid_(pid), proc_dir_(std::move(proc_dir)) {}

  static absl::StatusOr<std::unique_ptr<LiveTarget>> TryOpen(pid_t pid);
  absl::Status CheckKind();
  absl::Status FindLivingThread();
  absl::Status ReadInfo();
  absl::StatusOr<UniqueFd> OpenBelow(const std::string& root, const std::string& path) const;

  const pid_t pid_;
  // The thread through which the address space is reached: the first one, unless it has ended before the others.
  pid_t memory_pid_;
  UniqueFd proc_dir_;
  // /proc/memory_pid_, which is proc_dir_ again but for that case.
  UniqueFd memory_dir_;
  // /proc/PID/mem: stands for the address space, and not for whatever the process has by now.
  UniqueFd address_space_;
  // /proc/PID/auxv: what exec has put where in that address space.
  std::string auxiliary_vector_;
  bool same_pid_namespace_ = true;
  // The target's root directory as we see it: "/" unless it has called chroot.
  std::string root_ = "/";
  ProcessInfo info_;
  ProcessMemory memory_{0};
  std::vector<Mapping> mappings_;
};

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_LIVE_TARGET_H_
