// A child process for a test to look at, killed when the test is over.
#ifndef PYSNAP_TESTS_UNIT_PROCESS_CHILD_H_
#define PYSNAP_TESTS_UNIT_PROCESS_CHILD_H_

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace pysnap::testing {

class Child {
 public:
  // Forks and runs `body` in the child, which then waits for ever. Returns when it has called Ready, or has ended.
  explicit Child(const std::function<void()>& body) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(ends[0]);
      ready_fd_ = ends[1];
      body();
      while (true) pause();
    }
    close(ends[1]);
    if (read(ends[0], &value_, sizeof(value_)) != sizeof(value_)) value_ = -1;
    close(ends[0]);
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;

  // In the child: lets the test go on, with a number for it.
  static void Ready(int value = 0) {
    if (write(ready_fd_, &value, sizeof(value)) != sizeof(value)) _exit(9);
    close(ready_fd_);
  }

  pid_t pid() const { return pid_; }
  // What it gave to Ready; -1 when it ended without.
  int value() const { return value_; }
  // Waits for its end; its wait status.
  int WaitStatus() const {
    siginfo_t info = {};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    return info.si_status;
  }

 private:
  static inline int ready_fd_ = -1;
  pid_t pid_ = -1;
  int value_ = -1;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_UNIT_PROCESS_CHILD_H_
