#include "snapshotter/cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace pysnap::cli {
namespace {

constexpr std::chrono::milliseconds kFirst{1000};
constexpr std::chrono::milliseconds kInterval{200};
// To the beginning of the line, and clear it to its end (ECMA-48).
constexpr char kClearLine[] = "\r\x1b[K";

}  // namespace

ProgressLine::ProgressLine(bool wanted) : wanted_(wanted && isatty(STDERR_FILENO) == 1), next_(Clock::now() + kFirst) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::fputs(kClearLine, stderr);
}

void ProgressLine::Show(const char* what, uint64_t objects) {
  if (!wanted_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + kInterval;
  shown_ = true;
  std::fprintf(stderr, "%spysnap: %s objects: %.1f million", kClearLine, what, static_cast<double>(objects) / 1e6);
}

}  // namespace pysnap::cli
