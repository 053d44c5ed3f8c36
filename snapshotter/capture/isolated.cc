#include "snapshotter/capture/isolated.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "snapshotter/base/unique_fd.h"

namespace pysnap {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxDeaths = 8;
// Of one result. A million frames take 16 MB.
constexpr uint64_t kMaxResult = uint64_t{256} << 20;

[[noreturn]] void RunChild(int fd, size_t first, size_t count, const IsolatedWork& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  BecomeExpendable();
  std::string out;
  for (size_t item = first; item < count; ++item) {
    out.assign(sizeof(uint64_t), '\0');
    work.work(item, out);
    const uint64_t size = out.size() - sizeof(uint64_t);
    std::memcpy(out.data(), &size, sizeof(size));
    if (!WriteAll(fd, out)) _exit(1);
  }
  _exit(0);
}

// Reads exactly so much; false when the child ends before, or the time is over.
bool ReadAll(int fd, char* out, size_t size, Clock::time_point deadline) {
  while (size > 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd event = {.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left > 0 ? poll(&event, 1, static_cast<int>(std::min<int64_t>(left, 60'000))) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && Clock::now() < deadline) continue;
    if (ready <= 0) return false;
    const ssize_t n = read(fd, out, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    out += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

// Does the items from `first` on; returns the first one that was not done, `count` when all were. `why` then says why.
size_t RunOnce(size_t first, size_t count, Clock::time_point deadline, const IsolatedWork& work, absl::Status* why) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    *why = absl::ErrnoToStatus(errno, "pipe");
    return first;
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t child = fork();
  if (child == 0) RunChild(theirs.get(), first, count, work);
  if (child < 0) {
    *why = absl::ErrnoToStatus(errno, "fork");
    return first;
  }
  theirs.reset();
  std::string result;
  size_t item = first;
  for (; item < count; ++item) {
    uint64_t size = 0;
    if (!ReadAll(ours.get(), reinterpret_cast<char*>(&size), sizeof(size), deadline) || size > kMaxResult) break;
    result.resize(size);
    if (!ReadAll(ours.get(), result.data(), size, deadline)) break;
    work.done(item, result);
  }
  if (item == count) {
    EndOfChild(child).IgnoreError();
    return item;
  }
  const bool late = Clock::now() >= deadline;
  kill(child, SIGKILL);  // changes nothing when it is dead
  *why = EndOfChild(child);
  if (late) *why = absl::DeadlineExceededError("decoding it took too long");
  return item;
}

}  // namespace

void BecomeExpendable() {
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE}) signal(signal_number, SIG_DFL);
  // Whatever hostile data makes it allocate, it shall be the one to go.
  const UniqueFd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score.ok() && write(score.get(), "1000", 4) != 4) {
    // Then it goes by the usual rules.
  }
}

bool WriteAll(int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

absl::Status EndOfChild(pid_t child) {
  int status = 0;
  pid_t waited;
  do {
    waited = waitpid(child, &status, __WALL);
  } while (waited < 0 && errno == EINTR);
  if (waited == child && WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return absl::InternalError(
        absl::StrCat("the process that decoded it was killed by SIG", name != nullptr ? name : "?"));
  }
  return absl::InternalError("the process that decoded it ended early");
}

void RunIsolated(size_t count, std::chrono::milliseconds timeout, const IsolatedWork& work) {
  const Clock::time_point deadline = Clock::now() + timeout;
  int deaths = 0;
  size_t item = 0;
  while (item < count) {
    absl::Status why;
    item = RunOnce(item, count, deadline, work, &why);
    if (item == count) return;
    work.failed(item++, why);
    if (++deaths < kMaxDeaths && Clock::now() < deadline) continue;
    while (item < count) work.failed(item++, why);
  }
}

}  // namespace pysnap
