#include "snapshotter/process/permission.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

constexpr int kCapSysPtrace = 19;  // include/uapi/linux/capability.h

std::string ReadSmallFile(const std::string& path) {
  auto text = ReadFileAt(AT_FDCWD, path.c_str(), 65536);
  return text.ok() ? *std::move(text) : std::string();
}

std::string UserName(uint32_t uid) {
  // May ask the network; it is only for an error message, nobody is stopped meanwhile.
  const passwd* entry = getpwuid(uid);
  return entry == nullptr ? absl::StrCat("uid ", uid) : std::string(entry->pw_name);
}

}  // namespace

AccessFacts GatherAccessFacts(pid_t pid) {
  AccessFacts facts;
  facts.pid = pid;
  facts.our_uid = geteuid();
  const std::string status = ReadSmallFile(absl::StrFormat("/proc/%d/status", pid));
  const std::vector<absl::string_view> uids =
      absl::StrSplit(StatusField(status, "Uid"), absl::ByAnyChar(" \t"), absl::SkipWhitespace());
  facts.target_uid_known = !uids.empty() && absl::SimpleAtoi(uids[0], &facts.target_uid);
  const std::string own_status = ReadSmallFile("/proc/self/status");
  uint64_t capabilities = 0;
  if (absl::SimpleHexAtoi(StatusField(own_status, "CapEff"), &capabilities)) {
    facts.cap_sys_ptrace = (capabilities >> kCapSysPtrace & 1) != 0;
  }
  if (!absl::SimpleAtoi(StatusField(own_status, "Seccomp"), &facts.our_seccomp)) facts.our_seccomp = 0;
  if (!absl::SimpleAtoi(ReadSmallFile("/proc/sys/kernel/yama/ptrace_scope"), &facts.yama_scope)) facts.yama_scope = 0;
  struct stat ours, theirs;
  if (stat("/proc/self/ns/user", &ours) == 0 && stat(absl::StrFormat("/proc/%d/ns/user", pid).c_str(), &theirs) == 0) {
    facts.same_user_namespace = ours.st_ino == theirs.st_ino;
  }
  return facts;
}

std::string ExplainRefusal(const AccessFacts& facts) {
  const std::string start = absl::StrFormat("the kernel refuses access to process %d; ", facts.pid);
  if (facts.yama_scope == 3) {
    return start + "kernel.yama.ptrace_scope is 3, which forbids it to everybody until the next boot";
  }
  if (facts.cap_sys_ptrace) {
    if (!facts.same_user_namespace) {
      return start + "it lives in another user namespace: run pysnap as root outside of the container";
    }
    if (facts.our_seccomp == 2) {
      return start +
             "a seccomp filter around pysnap may be the reason: start the container with --cap-add=SYS_PTRACE or "
             "--security-opt seccomp=unconfined";
    }
    return start + "a security module (SELinux, AppArmor) may be the reason: see the kernel's log";
  }
  if (facts.our_uid == 0) {
    return start + "pysnap has not the capability CAP_SYS_PTRACE: start the container with --cap-add=SYS_PTRACE";
  }
  if (facts.target_uid_known && facts.target_uid != facts.our_uid) {
    return start +
           absl::StrFormat("it belongs to %s: run pysnap as that user or as root (sudo)", UserName(facts.target_uid));
  }
  if (facts.yama_scope == 2) {
    return start + "kernel.yama.ptrace_scope is 2, which allows it to root only: run pysnap as root (sudo)";
  }
  if (facts.yama_scope == 1) {
    return start +
           "kernel.yama.ptrace_scope is 1, which allows it to a process's ancestors only: run pysnap as root (sudo), "
           "or set it to 0 (sudo sysctl kernel.yama.ptrace_scope=0)";
  }
  return start + "it has changed its user or holds more capabilities than pysnap: run pysnap as root (sudo)";
}

absl::Status RefusedError(pid_t pid) { return absl::PermissionDeniedError(ExplainRefusal(GatherAccessFacts(pid))); }

}  // namespace pysnap
