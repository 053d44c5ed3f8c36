#include "snapshotter/process/machine_code.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

// A function that only calls another one is no longer.
constexpr uint64_t kShort = 64;
constexpr uint64_t kMaxSegment = uint64_t{1} << 28;

std::string ReadCode(const ElfImage& image, uint64_t address, uint64_t size) {
  std::string code(size, '\0');
  const auto out = absl::MakeSpan(reinterpret_cast<std::byte*>(code.data()), code.size());
  return image.ReadAddress(address, out).ok() ? code : std::string();
}

std::string ReadShort(const ElfImage& image, const ElfSymbol& function) {
  return function.size == 0 || function.size > kShort ? std::string()
                                                      : ReadCode(image, function.address, function.size);
}

// By memmem, which is quick with programs of many megabytes.
std::vector<size_t> FindAll(absl::string_view bytes, absl::string_view pattern) {
  std::vector<size_t> found;
  const char* const end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at < end; ++at) {
    at = static_cast<const char*>(memmem(at, static_cast<size_t>(end - at), pattern.data(), pattern.size()));
    if (at == nullptr) break;
    found.push_back(static_cast<size_t>(at - bytes.data()));
  }
  return found;
}

template <typename T>
T ValueAt(absl::string_view code, size_t at) {
  T value;
  std::memcpy(&value, code.data() + at, sizeof(value));
  return value;
}

#if defined(__x86_64__)

constexpr char kCall = '\xe8';
constexpr char kJump = '\xe9';
constexpr size_t kJumpSize = 5;
constexpr char kShortJump = '\xeb';
constexpr size_t kShortJumpSize = 2;
// jmp *[rip + offset], perhaps behind endbr64 and with a prefix (bnd).
constexpr char kEndBranch[] = "\xf3\x0f\x1e\xfa";
constexpr char kBnd[] = "\xf2";
constexpr char kJumpToSlot[] = "\xff\x25";
constexpr size_t kStubSize = 16;
// lea rdi, [rip + offset], and where the program has a fixed address also mov edi, address.
constexpr char kLoadRelative[] = "\x48\x8d\x3d";
constexpr char kLoadAbsolute = '\xbf';

// `at` is where the offset is in code that begins at `address`; it counts from the instruction's end, which is there.
uint64_t RelativeTarget(absl::string_view code, uint64_t address, size_t at) {
  return address + at + sizeof(int32_t) + static_cast<uint64_t>(int64_t{ValueAt<int32_t>(code, at)});
}

// The word that holds where a stub at `address` jumps to.
std::optional<uint64_t> SlotOfStub(const ElfImage& image, uint64_t address) {
  const std::string code = ReadCode(image, address, kStubSize);
  absl::string_view rest = code;
  for (const absl::string_view prefix : {kEndBranch, kBnd}) {
    if (absl::StartsWith(rest, prefix)) rest.remove_prefix(prefix.size());
  }
  if (!absl::StartsWith(rest, kJumpToSlot)) return std::nullopt;
  return RelativeTarget(code, address, code.size() - rest.size() + 2);
}

void FindLoads(absl::string_view code, uint64_t address, uint64_t target, std::vector<uint64_t>& found) {
  for (const size_t at : FindAll(code, kLoadRelative)) {
    if (at + 7 <= code.size() && RelativeTarget(code, address, at + 3) == target) found.push_back(address + at);
  }
  const auto low = static_cast<uint32_t>(target);
  if (low != target) return;
  // The value is rarer than the instruction.
  for (const size_t at : FindAll(code, {reinterpret_cast<const char*>(&low), sizeof(low)})) {
    if (at > 0 && code[at - 1] == kLoadAbsolute) found.push_back(address + at - 1);
  }
}

#else
#error "Machine code is not known on this machine. Say here what calls, jumps and loads look like."
#endif

}  // namespace

bool Calls(ElfImage& image, const ElfSymbol& caller, const ElfSymbol& callee) {
  const std::string code = ReadShort(image, caller);
  for (size_t at = 0; at + kJumpSize <= code.size(); ++at) {
    if (code[at] != kCall && code[at] != kJump) continue;
    const uint64_t target = RelativeTarget(code, caller.address, at + 1);
    if (target == callee.address) return true;
    const std::optional<uint64_t> slot = SlotOfStub(image, target);
    if (!slot.has_value()) continue;
    const absl::StatusOr<std::string> name = image.FunctionOfSlot(*slot);
    if (name.ok() && *name == callee.name) return true;
  }
  return false;
}

std::optional<uint64_t> TailCallOf(const ElfImage& image, const ElfSymbol& function) {
  const std::string code = ReadShort(image, function);
  const size_t size = code.size();
  if (size >= kJumpSize && code[size - kJumpSize] == kJump) {
    return RelativeTarget(code, function.address, size - kJumpSize + 1);
  }
  // To what stands close by, a jump with an offset of one byte.
  if (size >= kShortJumpSize && code[size - kShortJumpSize] == kShortJump) {
    return function.address + size + static_cast<uint64_t>(int64_t{ValueAt<int8_t>(code, size - 1)});
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> FindPassedText(const ElfImage& image, absl::string_view text) {
  // With the end of what stands before it, and its own.
  const std::string pattern = absl::StrCat(absl::string_view("\0", 1), text, absl::string_view("\0", 1));
  std::vector<uint64_t> texts;
  std::vector<std::pair<uint64_t, std::string>> codes;
  for (const ElfSegment& segment : image.segments()) {
    if (segment.writable || segment.file_size > kMaxSegment) continue;
    std::string bytes = ReadCode(image, segment.address, segment.file_size);
    for (const size_t at : FindAll(bytes, pattern)) texts.push_back(segment.address + at + 1);
    if (segment.executable) codes.emplace_back(segment.address, std::move(bytes));
  }
  if (texts.size() != 1) return absl::NotFoundError(absl::StrCat("the text is there ", texts.size(), " times"));
  std::vector<uint64_t> places;
  for (const auto& [address, code] : codes) FindLoads(code, address, texts.front(), places);
  if (places.size() != 1) return absl::NotFoundError(absl::StrCat("the text is used in ", places.size(), " places"));
  return places.front();
}

}  // namespace pysnap
