#include "snapshotter/process/hostname.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "snapshotter/base/unique_fd.h"

namespace pysnap {
namespace {

std::string OurHostname() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace

std::string HostnameOf(int proc_dir) {
  const UniqueFd namespace_fd(openat(proc_dir, "ns/uts", O_RDONLY | O_CLOEXEC));
  struct stat ours, theirs;
  if (!namespace_fd.ok() || fstat(namespace_fd.get(), &theirs) != 0 || stat("/proc/self/ns/uts", &ours) != 0) return {};
  if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) return OurHostname();
  // A thread has its namespaces for itself, and takes them with it.
  std::string name;
  std::thread visitor([&] {
    if (setns(namespace_fd.get(), CLONE_NEWUTS) == 0) name = OurHostname();
  });
  visitor.join();
  return name;
}

}  // namespace pysnap
