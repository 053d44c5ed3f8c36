#include "snapshotter/supervise/killed_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

// Of a process, what is in memory of no file, in kB, be it swapped out; nothing when that is not told.
std::optional<int64_t> AnonymousMemory(pid_t pid) {
  const auto status = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/status").c_str(), 65536);
  if (!status.ok()) return std::nullopt;
  int64_t sum = 0;
  for (const absl::string_view key : {"RssAnon", "VmSwap"}) {
    int64_t size = 0;
    if (!absl::SimpleAtoi(absl::StripSuffix(StatusField(*status, key), " kB"), &size)) return std::nullopt;
    sum += size;
  }
  return sum;
}

// Whether a page from `begin` to `end` is the process's own: in memory and of no file, or swapped out
// (Documentation/admin-guide/mm/pagemap.rst). Nothing when that cannot be told.
std::optional<bool> HasOwnPage(int pagemap, uint64_t begin, uint64_t end) {
  constexpr uint64_t kPresent = uint64_t{1} << 63;
  constexpr uint64_t kSwapped = uint64_t{1} << 62;
  constexpr uint64_t kOfFile = uint64_t{1} << 61;
  const auto page_size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::array<uint64_t, 512> words;
  for (uint64_t page = begin / page_size; page * page_size < end;) {
    const uint64_t count = std::min<uint64_t>(words.size(), (end - page * page_size + page_size - 1) / page_size);
    const ssize_t size =
        pread(pagemap, words.data(), count * sizeof(uint64_t), static_cast<off_t>(page * sizeof(uint64_t)));
    if (size < static_cast<ssize_t>(sizeof(uint64_t))) return std::nullopt;
    const uint64_t read = static_cast<uint64_t>(size) / sizeof(uint64_t);
    const auto is_own = [](uint64_t word) {
      return (word & kSwapped) != 0 || ((word & kPresent) != 0 && (word & kOfFile) == 0);
    };
    if (std::any_of(words.begin(), words.begin() + read, is_own)) return true;
    page += read;
  }
  return false;
}

// Whether nothing is left of the lowest or of the highest memory that every process has of its own, the data of its
// program and its first stack. The kernel takes pages away from the one end or, since 6.18, from the other.
bool LacksEnd(pid_t pid) {
  const absl::StatusOr<UniqueFd> proc = OpenProcDir(pid);
  if (!proc.ok()) return false;
  const absl::StatusOr<ProcStat> stat = ReadProcStat(proc->get());
  const UniqueFd pagemap(openat(proc->get(), "pagemap", O_RDONLY | O_CLOEXEC));
  if (!stat.ok() || !pagemap.ok()) return false;
  const auto lacks = [&](uint64_t begin, uint64_t end) {
    return begin != 0 && begin < end && !HasOwnPage(pagemap.get(), begin, end).value_or(true);
  };
  return lacks(stat->data_begin, stat->data_end) || lacks(stat->stack_begin, stat->stack_begin + 1);
}

}  // namespace

KilledMemory::KilledMemory(pid_t pid) : pid_(pid), size_(AnonymousMemory(pid)) {}

bool KilledMemory::IsTaken() const {
  return (size_.has_value() && AnonymousMemory(pid_).value_or(*size_) < *size_) || LacksEnd(pid_);
}

}  // namespace pysnap
