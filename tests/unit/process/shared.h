// What the tests of pausing share: memory that they and their child both see, and looks at a process's state.
#ifndef PYSNAP_TESTS_UNIT_PROCESS_SHARED_H_
#define PYSNAP_TESTS_UNIT_PROCESS_SHARED_H_

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "snapshotter/process/pause.h"

namespace pysnap::testing {

struct Shared {
  std::atomic<uint64_t> counters[16];
  std::atomic<int> sent;
  std::atomic<int> signals;
  std::atomic<int> errors;
  std::atomic<pid_t> pid;
  std::atomic<bool> done;
};

class SharedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    shared_ = new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared();
  }
  void TearDown() override { munmap(static_cast<void*>(shared_), sizeof(Shared)); }

  std::vector<uint64_t> Counters() const { return {std::begin(shared_->counters), std::end(shared_->counters)}; }
  // Returns when every one of the first `n` counters has gone on.
  void AwaitProgress(int n) const {
    for (int i = 0; i < n; ++i) {
      const uint64_t before = shared_->counters[i];
      while (shared_->counters[i] == before) sched_yield();
    }
  }

  static std::string StatusOf(pid_t pid, const std::string& key) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.rfind(key + ":\t", 0) == 0) return line.substr(key.size() + 2);
    }
    return "gone";
  }
  static std::string StateOf(pid_t pid) { return StatusOf(pid, "State").substr(0, 1); }
  static std::string TracerOf(pid_t pid) { return StatusOf(pid, "TracerPid"); }
  static void AwaitState(pid_t pid, const std::string& state) {
    while (StateOf(pid) != state) sched_yield();
  }

  static absl::StatusOr<PauseReport> PauseBy(pid_t pid,
                                             PauseMode mode,
                                             const std::function<void(LiveTarget&, PausedProcess&)>& read) {
    auto target = LiveTarget::Open(pid);
    if (!target.ok()) return target.status();
    return PauseAndRead(**target, {.mode = mode}, [&](PausedProcess& paused) { read(**target, paused); });
  }

  Shared* shared_ = nullptr;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_UNIT_PROCESS_SHARED_H_
