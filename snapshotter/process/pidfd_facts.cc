#include "snapshotter/process/pidfd_facts.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

constexpr size_t kMaxInfo = size_t{64} << 10;
constexpr size_t kMaxName = 64;

// "Pid:" of the descriptor's fdinfo (kernel/fork.c or fs/pidfs.c: pidfd_show_fdinfo): -1 when the process was waited
// for, 0 when its number is none in the namespace of this /proc.
absl::StatusOr<pid_t> ReadPid(int proc_dir, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string info, ReadFileAt(proc_dir, name.c_str(), kMaxInfo));
  pid_t pid;
  if (!absl::SimpleAtoi(StatusField(info, "Pid"), &pid)) {
    return absl::OutOfRangeError("the kernel does not tell of which process it is");
  }
  if (pid == 0) return absl::OutOfRangeError("it is of a process in another PID namespace");
  return pid;
}

}  // namespace

absl::StatusOr<PidfdFacts> ReadPidfdFacts(int proc_dir, int32_t fd) {
  const std::string name = absl::StrCat("fdinfo/", fd);
  ASSIGN_OR_RETURN(const pid_t pid, ReadPid(proc_dir, name));
  const PidfdFacts waited_for = {.pid = 0, .program = "", .ended = true};
  if (pid < 0) return waited_for;
  PidfdFacts facts;
  facts.pid = pid;
  const absl::StatusOr<UniqueFd> process = OpenProcDir(pid);
  if (process.ok()) {
    facts.program = ReadFileAt(process->get(), "comm", kMaxName).value_or("");
    if (!facts.program.empty() && facts.program.back() == '\n') facts.program.pop_back();
    const absl::StatusOr<ProcStat> stat = ReadProcStat(process->get());
    facts.ended = stat.ok() && (stat->state == 'Z' || stat->state == 'X');
  }
  // It runs on, and what its number stood for is certain only if it still does.
  ASSIGN_OR_RETURN(const pid_t again, ReadPid(proc_dir, name));
  return again == pid ? facts : waited_for;
}

}  // namespace pysnap
