#include "snapshotter/format/show_options.h"

#include <string.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pysnap::format {

std::vector<const proto::Thread*> SelectThreads(const LoadedSnapshot& snapshot, const ShowOptions& options) {
  if (options.thread.empty()) return snapshot.threads();
  std::vector<const proto::Thread*> chosen;
  int64_t native_id = 0;
  const bool is_number = absl::SimpleAtoi(options.thread, &native_id);
  for (const proto::Thread* thread : snapshot.threads()) {
    if ((is_number && thread->native_id() == native_id) || snapshot.string(thread->name()) == options.thread) {
      chosen.push_back(thread);
    }
  }
  return chosen;
}

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? absl::StrCat("signal ", signal) : absl::StrCat("SIG", name);
}

const char* ReasonName(proto::Reason::Kind kind) {
  switch (kind) {
    case proto::Reason::ATTACH:
      return "attach";
    case proto::Reason::EXCEPTION:
      return "exception";
    case proto::Reason::SIGNAL:
      return "signal";
    case proto::Reason::EXIT:
      return "exit";
    case proto::Reason::TIMEOUT:
      return "timeout";
    case proto::Reason::REQUEST:
      return "request";
    case proto::Reason::CORE:
      return "core";
    default:
      return "unknown";
  }
}

}  // namespace pysnap::format
