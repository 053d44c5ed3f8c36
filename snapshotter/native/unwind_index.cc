#include "snapshotter/native/unwind_index.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "snapshotter/process/elf_image.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxSection = uint64_t{64} << 20;
constexpr size_t kMaxEntries = 1'000'000;

// Encodings of pointers (Linux Standard Base, "DWARF Exception Header Encoding").
constexpr uint8_t kAbsolute = 0x00;
constexpr uint8_t kUnsigned8 = 0x04;
constexpr uint8_t kSigned4 = 0x0b;
constexpr uint8_t kSigned8 = 0x0c;
constexpr uint8_t kFormat = 0x0f;
constexpr uint8_t kRelativeTo = 0x70;
constexpr uint8_t kRelativeToItself = 0x10;
constexpr uint8_t kNop = 0;  // DW_CFA_nop
constexpr uint32_t kDebugFrameCie = 0xffffffff;

// Takes values off the front of bytes; once they run out, all is zero and `ok` is false.
struct Cursor {
  absl::string_view in;
  bool ok = true;

  template <typename T>
  T Take() {
    T value = {};
    if (in.size() < sizeof(T)) {
      ok = false;
      in = {};
      return value;
    }
    std::memcpy(&value, in.data(), sizeof(T));
    in.remove_prefix(sizeof(T));
    return value;
  }
  uint64_t TakeLeb() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = Take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok = false;
    return 0;
  }
  absl::string_view TakeText() {
    const size_t size = in.find('\0');
    if (size == absl::string_view::npos) {
      ok = false;
      return {};
    }
    const absl::string_view text = in.substr(0, size);
    in.remove_prefix(size + 1);
    return text;
  }
};

template <typename T>
void Append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// The size of a pointer in this encoding; 0 for one that is not of fixed size.
size_t PointerSize(uint8_t encoding) {
  switch (encoding & kFormat & 0x7) {
    case 0:
    case 4:
      return 8;
    case 2:
      return 2;
    case 3:
      return 4;
    default:
      return 0;
  }
}

struct Entry {
  uint64_t begin = 0;        // in memory
  uint64_t description = 0;  // address of the FDE, or its offset in what was converted
  bool converted = false;
};

class Indexer {
 public:
  explicit Indexer(const Module& module) : module_(module) {}

  void Run(ElfImage& image) {
    const auto eh_frame = image.FindSection(".eh_frame");
    if (eh_frame.ok() && eh_frame->has_value()) AddSection(**eh_frame, /*is_debug_frame=*/false);
    const auto debug_frame = image.FindSection(".debug_frame");
    if (debug_frame.ok() && debug_frame->has_value()) AddSection(**debug_frame, /*is_debug_frame=*/true);
  }

  UnwindIndex Finish(const ModuleMap& modules) {
    UnwindIndex index;
    if (entries_.empty()) return index;
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
    const uint64_t table_size = entries_.size() * 8;
    const uint64_t size = table_size + converted_.size();
    const Address place = modules.FindGap(module_.range, size);
    if (place.is_null()) return index;
    std::string bytes;
    for (const Entry& entry : entries_) {
      const uint64_t description = entry.converted ? place.value() + table_size + entry.description : entry.description;
      const auto begin_offset = static_cast<int64_t>(entry.begin - place.value());
      const auto description_offset = static_cast<int64_t>(description - place.value());
      if (!Fits(begin_offset) || !Fits(description_offset)) return UnwindIndex();
      Append(bytes, static_cast<int32_t>(begin_offset));
      Append(bytes, static_cast<int32_t>(description_offset));
    }
    bytes += converted_;
    const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
    index.bytes.assign(first, first + bytes.size());
    index.place = {place, size};
    index.count = entries_.size();
    return index;
  }

 private:
  // A CIE, as far as its FDEs need it.
  struct Common {
    uint8_t encoding = kAbsolute;
    uint64_t converted = 0;
    bool usable = false;
  };

  static bool Fits(int64_t offset) {
    return offset >= std::numeric_limits<int32_t>::min() && offset <= std::numeric_limits<int32_t>::max();
  }

  void AddSection(const ElfSection& section, bool is_debug_frame) {
    if (section.compressed || section.size > kMaxSection) return;
    std::string bytes(section.size, '\0');
    const ssize_t size = pread(module_.file.get(), bytes.data(), bytes.size(), static_cast<off_t>(section.file_offset));
    if (size != static_cast<ssize_t>(bytes.size())) return;
    commons_.clear();
    uint64_t at = 0;
    while (at + 8 <= bytes.size() && entries_.size() < kMaxEntries) {
      uint32_t length;
      std::memcpy(&length, bytes.data() + at, sizeof(length));
      // 0 ends the section; the form for more than 4 GiB is in use nowhere.
      if (length < 4 || length >= 0xfffffff0 || length > bytes.size() - at - 4) return;
      const absl::string_view contents = absl::string_view(bytes).substr(at + 4, length);
      if (is_debug_frame) {
        AddDebugEntry(at, contents);
      } else {
        AddEntry(section.address + module_.bias, at, contents);
      }
      at += 4 + length;
    }
  }

  // Of .eh_frame, which is in memory as it is.
  void AddEntry(uint64_t section, uint64_t at, absl::string_view contents) {
    Cursor cursor{contents};
    const auto id = cursor.Take<uint32_t>();
    if (id == 0) {
      commons_[at] = ReadCommon(cursor);
      return;
    }
    const auto common = commons_.find(at + 4 - id);
    if (common == commons_.end() || !common->second.usable) return;
    const uint8_t encoding = common->second.encoding;
    uint64_t begin = 0;
    switch (encoding & kFormat) {
      case kAbsolute:
      case kUnsigned8:
      case kSigned8:
        begin = cursor.Take<uint64_t>();
        break;
      case kSigned4:
        begin = static_cast<uint64_t>(int64_t{cursor.Take<int32_t>()});
        break;
      default:
        return;
    }
    if ((encoding & kRelativeTo) == kRelativeToItself) {
      begin += section + at + 8;
    } else if ((encoding & ~kFormat) == 0) {
      begin += module_.bias;
    } else {
      return;
    }
    if (cursor.ok) entries_.push_back({.begin = begin, .description = section + at, .converted = false});
  }

  static Common ReadCommon(Cursor cursor) {
    Common common;
    const auto version = cursor.Take<uint8_t>();
    const absl::string_view augmentation = cursor.TakeText();
    cursor.TakeLeb();  // alignment of code, and of data
    cursor.TakeLeb();
    if (version == 1) {
      cursor.Take<uint8_t>();  // the return address's register
    } else {
      cursor.TakeLeb();
    }
    if (!augmentation.empty() && augmentation[0] != 'z') return common;
    if (!augmentation.empty()) cursor.TakeLeb();  // the size of what follows
    for (const char letter : augmentation) {
      if (letter == 'R') common.encoding = cursor.Take<uint8_t>();
      if (letter == 'L') cursor.Take<uint8_t>();
      if (letter == 'P') {
        const size_t size = PointerSize(cursor.Take<uint8_t>());
        if (size == 0 || size > cursor.in.size()) return common;
        cursor.in.remove_prefix(size);
      }
    }
    common.usable = cursor.ok && (version == 1 || version == 3);
    return common;
  }

  // Of .debug_frame, which is written anew as .eh_frame would have it, with addresses as they are in memory.
  void AddDebugEntry(uint64_t at, absl::string_view contents) {
    Cursor cursor{contents};
    const auto id = cursor.Take<uint32_t>();
    if (id == kDebugFrameCie) {
      Common& common = commons_[at];
      const auto version = cursor.Take<uint8_t>();
      if (!cursor.TakeText().empty()) return;
      // From version 4 on: the sizes of addresses and of segment selectors.
      if (version == 4 && (cursor.Take<uint8_t>() != 8 || cursor.Take<uint8_t>() != 0)) return;
      common.usable = cursor.ok && (version == 1 || version == 3 || version == 4);
      common.converted = converted_.size();
      std::string body;
      Append(body, uint32_t{0});
      Append(body, version == 1 ? uint8_t{1} : uint8_t{3});
      body.push_back('\0');
      body.append(cursor.in.data(), cursor.in.size());
      AppendConverted(std::move(body));
      return;
    }
    const auto common = commons_.find(id);
    if (common == commons_.end() || !common->second.usable) return;
    const uint64_t begin = cursor.Take<uint64_t>() + module_.bias;
    const auto size = cursor.Take<uint64_t>();
    // What the linker has thrown away stands at 0.
    if (!cursor.ok || size == 0 || !module_.range.contains(Address(begin))) return;
    entries_.push_back({.begin = begin, .description = converted_.size(), .converted = true});
    std::string body;
    Append(body, static_cast<uint32_t>(converted_.size() + 4 - common->second.converted));
    Append(body, begin);
    Append(body, size);
    body.append(cursor.in.data(), cursor.in.size());
    AppendConverted(std::move(body));
  }

  void AppendConverted(std::string body) {
    while ((body.size() + 4) % 8 != 0) body.push_back(static_cast<char>(kNop));
    Append(converted_, static_cast<uint32_t>(body.size()));
    converted_ += body;
  }

  const Module& module_;
  absl::flat_hash_map<uint64_t, Common> commons_;  // by offset in the section
  std::vector<Entry> entries_;
  std::string converted_;
};

}  // namespace

UnwindIndex MakeUnwindIndex(const ModuleMap& modules, const Module& module) {
  if (!module.file.ok()) return UnwindIndex();
  absl::StatusOr<ElfImage> image = ElfImage::FromFile(UniqueFd(fcntl(module.file.get(), F_DUPFD_CLOEXEC, 0)));
  if (!image.ok()) return UnwindIndex();
  Indexer indexer(module);
  indexer.Run(*image);
  return indexer.Finish(modules);
}

}  // namespace pysnap
