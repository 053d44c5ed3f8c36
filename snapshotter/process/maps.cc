#include "snapshotter/process/maps.h"

#include <sys/sysmacros.h>

#include <charconv>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace pysnap {
namespace {

// Takes a number off the front of `text`; false when there is none.
bool TakeNumber(absl::string_view& text, int base, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool TakeChar(absl::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// "55d0c0a00000-55d0c0a21000 rw-p 00002000 08:01 1835   /usr/bin/x"
bool ParseLine(absl::string_view line, Mapping& mapping) {
  uint64_t begin, end, major, minor;
  if (!TakeNumber(line, 16, begin) || !TakeChar(line, '-') || !TakeNumber(line, 16, end) || !TakeChar(line, ' ')) {
    return false;
  }
  if (end <= begin || line.size() < 5 || line[4] != ' ') return false;
  mapping.range = {Address(begin), end - begin};
  mapping.readable = line[0] == 'r';
  mapping.writable = line[1] == 'w';
  mapping.executable = line[2] == 'x';
  mapping.shared = line[3] == 's';
  line.remove_prefix(5);
  if (!TakeNumber(line, 16, mapping.file_offset) || !TakeChar(line, ' ') || !TakeNumber(line, 16, major) ||
      !TakeChar(line, ':') || !TakeNumber(line, 16, minor) || !TakeChar(line, ' ') ||
      !TakeNumber(line, 10, mapping.inode)) {
    return false;
  }
  mapping.device = makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
  while (TakeChar(line, ' ')) {
  }
  constexpr absl::string_view kDeleted = " (deleted)";
  mapping.deleted = absl::EndsWith(line, kDeleted);
  if (mapping.deleted) line.remove_suffix(kDeleted.size());
  // The only byte the kernel escapes here (fs/proc/task_mmu.c, show_map_vma).
  mapping.path = absl::StrReplaceAll(line, {{"\\012", "\n"}});
  return true;
}

}  // namespace

std::vector<Mapping> ParseMaps(absl::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Mapping mapping;
    if (ParseLine(text.substr(0, end), mapping)) mappings.push_back(std::move(mapping));
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  }
  return mappings;
}

}  // namespace pysnap
