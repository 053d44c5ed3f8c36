#include "snapshotter/cpython/python_version.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "snapshotter/cpython/runtime.h"

namespace pysnap {
namespace {

// Py_GetVersion()'s buffer has 250 bytes.
constexpr size_t kMaxSysVersion = 250;
constexpr size_t kChunk = 64u << 10;
constexpr uint64_t kMaxWritable = 64u << 20;

// Takes a decimal number off the front of `text`; nothing when there is none below 256.
std::optional<uint32_t> TakeNumber(absl::string_view& text) {
  size_t length = 0;
  while (length < text.size() && length < 4 && absl::ascii_isdigit(static_cast<unsigned char>(text[length]))) ++length;
  uint32_t number;
  if (!absl::SimpleAtoi(text.substr(0, length), &number) || number > 0xff) return std::nullopt;
  text.remove_prefix(length);
  return number;
}

bool Take(absl::string_view& text, absl::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<uint32_t> ParseSysVersion(absl::string_view text) {
  text = text.substr(0, kMaxSysVersion);
  text = text.substr(0, text.find('\0'));
  const std::optional<uint32_t> major = TakeNumber(text);
  if (!major || !Take(text, ".")) return std::nullopt;
  const std::optional<uint32_t> minor = TakeNumber(text);
  if (!minor || !Take(text, ".")) return std::nullopt;
  const std::optional<uint32_t> micro = TakeNumber(text);
  if (!micro) return std::nullopt;
  uint32_t level = 0xf;
  std::optional<uint32_t> serial = 0;
  for (const auto& [letters, value] : {std::pair("a", 0xau), std::pair("b", 0xbu), std::pair("rc", 0xcu)}) {
    if (!Take(text, letters)) continue;
    level = value;
    serial = TakeNumber(text);
    if (!serial || *serial > 0xf) return std::nullopt;
    break;
  }
  Take(text, "+");
  // Then the build and the compiler, each in its brackets (to 3.9 on lines of their own).
  if (!Take(text, " (")) return std::nullopt;
  if (text.find(") [") == absl::string_view::npos && text.find(") \n[") == absl::string_view::npos) return std::nullopt;
  return *major << 24 | *minor << 16 | *micro << 8 | level << 4 | *serial;
}

std::optional<uint32_t> FindSysVersion(Memory& memory, AddressRange writable) {
  std::optional<uint32_t> found;
  std::vector<char> chunk;
  const uint64_t size = std::min(writable.size, kMaxWritable);
  // Chunks overlap by the longest version.
  for (uint64_t at = 0; at < size; at += kChunk) {
    const size_t length = std::min<uint64_t>(kChunk + kMaxSysVersion, size - at);
    if (!memory.ReadArray(writable.begin + static_cast<int64_t>(at), length, chunk).ok()) continue;
    const char* const end = chunk.data() + chunk.size();
    for (const char* p = chunk.data(); p < chunk.data() + std::min(kChunk, length); ++p) {
      p = static_cast<const char*>(std::memchr(p, '.', static_cast<size_t>(end - p)));
      if (p == nullptr) break;
      // One digit, at the beginning of the buffer.
      if (p == chunk.data() || p[-1] < '2' || p[-1] > '9') continue;
      const std::optional<uint32_t> version =
          ParseSysVersion(absl::string_view(p - 1, static_cast<size_t>(end - p + 1)));
      if (!version) continue;
      if (found && *found != *version) return std::nullopt;
      found = version;
    }
  }
  return found;
}

std::string FormatVersion(uint32_t hex_version) {
  std::string version = absl::StrCat(hex_version >> 24, ".", hex_version >> 16 & 0xff, ".", hex_version >> 8 & 0xff);
  const uint32_t serial = hex_version & 0xf;
  switch (hex_version >> 4 & 0xf) {
    case 0xa:
      absl::StrAppend(&version, "a", serial);
      break;
    case 0xb:
      absl::StrAppend(&version, "b", serial);
      break;
    case 0xc:
      absl::StrAppend(&version, "rc", serial);
      break;
  }
  return version;
}

}  // namespace pysnap
