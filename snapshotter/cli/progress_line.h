// What a long capture is about, on the last line of a terminal.
#ifndef PYSNAP_CLI_PROGRESS_LINE_H_
#define PYSNAP_CLI_PROGRESS_LINE_H_

#include <chrono>
#include <cstdint>

namespace pysnap::cli {

// Writes to stderr, and only when that is a terminal and the work takes more than a second. Destroyed, it leaves the
// line empty.
class ProgressLine {
 public:
  explicit ProgressLine(bool wanted);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(const char* what, uint64_t objects);

 private:
  using Clock = std::chrono::steady_clock;

  const bool wanted_;
  Clock::time_point next_;
  bool shown_ = false;
};

}  // namespace pysnap::cli

#endif  // PYSNAP_CLI_PROGRESS_LINE_H_
