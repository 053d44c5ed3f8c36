#include "snapshotter/cpython/text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr uint32_t kMaxCodePoint = 0x10ffff;
constexpr size_t kChunkBytes = 16 * 1024;
// More cannot be in an address space.
constexpr uint64_t kMaxLength = uint64_t{1} << 47;

void AppendUtf8(uint32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    const char bytes[] = {static_cast<char>(0xc0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3f))};
    out.append(bytes, sizeof(bytes));
  } else if (c < 0x10000) {
    const char bytes[] = {static_cast<char>(0xe0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3f)),
                          static_cast<char>(0x80 | (c & 0x3f))};
    out.append(bytes, sizeof(bytes));
  } else {
    const char bytes[] = {static_cast<char>(0xf0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3f)),
                          static_cast<char>(0x80 | ((c >> 6) & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
    out.append(bytes, sizeof(bytes));
  }
}

template <typename Unit>
absl::Status AppendUnits(const std::byte* bytes, size_t count, std::string& out) {
  for (size_t i = 0; i < count; ++i) {
    Unit unit;
    std::memcpy(&unit, bytes + i * sizeof(Unit), sizeof(Unit));
    if (static_cast<uint32_t>(unit) > kMaxCodePoint) {
      return absl::DataLossError(absl::StrFormat("%#x is not a code point", static_cast<uint32_t>(unit)));
    }
    AppendUtf8(static_cast<uint32_t>(unit), out);
  }
  return absl::OkStatus();
}

absl::Status AppendAscii(const std::byte* bytes, size_t count, std::string& out) {
  const bool ascii = std::all_of(bytes, bytes + count, [](std::byte b) { return b < std::byte{0x80}; });
  if (!ascii) return absl::DataLossError("a byte of an ASCII str is none");
  out.append(reinterpret_cast<const char*>(bytes), count);
  return absl::OkStatus();
}

// A field of the header that has been read already, or 0 where the version has no such field.
template <typename T>
T FieldOf(const std::byte* header, Offset offset) {
  T value{};
  if (offset != kNoOffset) std::memcpy(&value, header + offset, sizeof(T));
  return value;
}

}  // namespace

absl::StatusOr<TextShape> ReadTextShape(const Runtime& runtime, Memory& memory, Address str) {
  const auto& ascii_layout = runtime.layout.PyASCIIObject;
  const auto& compact_layout = runtime.layout.PyCompactUnicodeObject;
  std::array<std::byte, 128> header;
  if (ascii_layout.size_ <= 0 || static_cast<size_t>(ascii_layout.size_) > header.size()) {
    return absl::InternalError("no layout of str");
  }
  RETURN_IF_ERROR(memory.Read(str, absl::MakeSpan(header.data(), static_cast<size_t>(ascii_layout.size_))));
  const int64_t length = FieldOf<int64_t>(header.data(), ascii_layout.length);
  const UnicodeState state =
      runtime.version->decode_unicode_state(FieldOf<uint32_t>(header.data(), ascii_layout.state));

  TextShape shape;
  shape.kind = state.kind;
  shape.ascii = state.ascii;
  shape.interned = state.interned;
  shape.length = static_cast<uint64_t>(length);
  if (state.kind == 0) {
    // Made by the deprecated C API and never asked for since: it has only wchar_t, which are 4 bytes on Linux.
    if (ascii_layout.wstr == kNoOffset) return absl::DataLossError("a str with characters of 0 bytes");
    ASSIGN_OR_RETURN(shape.length, memory.ReadValue<uint64_t>(str + compact_layout.wstr_length));
    shape.characters = Address(FieldOf<uint64_t>(header.data(), ascii_layout.wstr));
    shape.kind = 4;
    shape.ascii = false;
  } else if (state.compact) {
    shape.characters = str + (state.ascii ? ascii_layout.size_ : compact_layout.size_);
  } else {
    ASSIGN_OR_RETURN(shape.characters, memory.ReadPointer(str + runtime.layout.PyUnicodeObject.data));
  }
  if (shape.kind != 1 && shape.kind != 2 && shape.kind != 4) {
    return absl::DataLossError(absl::StrFormat("a str with characters of %d bytes", shape.kind));
  }
  if (shape.ascii && shape.kind != 1) return absl::DataLossError("an ASCII str with wide characters");
  if (shape.length > kMaxLength) return absl::DataLossError(absl::StrFormat("a str of %d characters", length));
  return shape;
}

absl::Status ReadCharacters(Memory& memory, const TextShape& shape, uint64_t count, std::string& utf8) {
  utf8.clear();
  // Reads piece by piece, so that no more is allocated than there is memory in the target.
  std::array<std::byte, kChunkBytes> chunk;
  const uint64_t per_chunk = kChunkBytes / shape.kind;
  Address from = shape.characters;
  for (uint64_t left = std::min(count, shape.length); left > 0;) {
    const size_t units = static_cast<size_t>(std::min(left, per_chunk));
    RETURN_IF_ERROR(memory.Read(from, absl::MakeSpan(chunk.data(), units * shape.kind)));
    absl::Status status;
    if (shape.ascii) {
      status = AppendAscii(chunk.data(), units, utf8);
    } else if (shape.kind == 1) {
      status = AppendUnits<uint8_t>(chunk.data(), units, utf8);
    } else if (shape.kind == 2) {
      status = AppendUnits<uint16_t>(chunk.data(), units, utf8);
    } else {
      status = AppendUnits<uint32_t>(chunk.data(), units, utf8);
    }
    RETURN_IF_ERROR(status);
    from = from + static_cast<int64_t>(units * shape.kind);
    left -= units;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const Runtime& runtime, Memory& memory, Address str, uint64_t max_length) {
  ASSIGN_OR_RETURN(const TextShape shape, ReadTextShape(runtime, memory, str));
  if (shape.length > max_length) {
    return absl::ResourceExhaustedError(absl::StrFormat("a name of %d characters", shape.length));
  }
  std::string utf8;
  RETURN_IF_ERROR(ReadCharacters(memory, shape, shape.length, utf8));
  return utf8;
}

}  // namespace pysnap
