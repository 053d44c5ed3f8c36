#include "snapshotter/native/module_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "snapshotter/process/elf_image.h"

namespace pysnap {
namespace {

constexpr uint64_t kPageSize = 4096;
// What is copied of one module that has no file; the largest libraries in use have some hundred MB, all of whose
// unwind information need not be had.
constexpr uint64_t kMaxCopy = uint64_t{64} << 20;

uint64_t PageBegin(uint64_t address) { return address & ~(kPageSize - 1); }

// The addresses that an image takes when it is loaded with this bias.
AddressRange RangeOf(const ElfImage& image, uint64_t bias) {
  uint64_t begin = ~uint64_t{0};
  uint64_t end = 0;
  for (const ElfSegment& segment : image.segments()) {
    begin = std::min(begin, PageBegin(segment.address));
    end = std::max(end, segment.address + segment.memory_size);
  }
  return begin < end ? AddressRange{Address(bias + begin), end - begin} : AddressRange{};
}

// Whether the process cannot have written to what is mapped at `address`. A segment that is mapped read-only after it
// was relocated (RELRO) is no such.
bool IsConstant(const ElfImage& image, const Mapping& mapping, uint64_t bias) {
  if (mapping.writable) return false;
  const uint64_t begin = mapping.range.begin.value() - bias;
  for (const ElfSegment& segment : image.segments()) {
    const bool overlaps =
        begin < segment.address + segment.memory_size && PageBegin(segment.address) < begin + mapping.range.size;
    if (overlaps && segment.writable) return false;
  }
  return true;
}

Module MakeModule(ElfImage& image, const Mapping& mapping, uint64_t bias) {
  Module module;
  module.path = mapping.path;
  module.build_id = image.BuildId();
  module.bias = bias;
  module.range = RangeOf(image, bias);
  if (const auto table = image.FindUnwindTable(); table.has_value()) {
    module.unwind_table = AddressRange{Address(bias + table->address), table->size};
  }
  return module;
}

// A file of our own with these bytes.
UniqueFd FileOf(absl::Span<const std::byte> bytes) {
  UniqueFd file(memfd_create("pysnap-module", MFD_CLOEXEC));
  if (!file.ok() || write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) file.reset();
  return file;
}

}  // namespace

std::unique_ptr<ModuleMap> ModuleMap::Read(Target& target) {
  std::unique_ptr<ModuleMap> map(new ModuleMap);
  map->mappings_ = target.mappings();
  // By file: what of it is mapped.
  std::map<std::tuple<uint64_t, uint64_t, std::string>, std::vector<const Mapping*>> files;
  for (const Mapping& mapping : map->mappings_) {
    const bool vdso = mapping.path == "[vdso]";
    if (mapping.inode == 0 && !vdso) continue;
    files[{mapping.device, mapping.inode, vdso ? mapping.path : ""}].push_back(&mapping);
  }
  for (const auto& [key, mappings] : files) {
    const auto executable = [](const Mapping* mapping) { return mapping->executable; };
    if (std::any_of(mappings.begin(), mappings.end(), executable)) map->AddFile(target, mappings);
  }
  std::sort(map->pieces_.begin(), map->pieces_.end(),
            [](const Piece& a, const Piece& b) { return a.range.begin < b.range.begin; });
  map->by_address_.resize(map->modules_.size());
  for (size_t i = 0; i < map->modules_.size(); ++i) map->by_address_[i] = i;
  std::sort(map->by_address_.begin(), map->by_address_.end(),
            [&](size_t a, size_t b) { return map->modules_[a].range.begin < map->modules_[b].range.begin; });
  return map;
}

// A file may be loaded more than once, and may be mapped as data besides.
void ModuleMap::AddFile(Target& target, const std::vector<const Mapping*>& mappings) {
  absl::StatusOr<UniqueFd> file = target.OpenMapping(*mappings.front());
  if (!file.ok()) return AddFromMemory(target, mappings);
  const int duplicate = fcntl(file->get(), F_DUPFD_CLOEXEC, 0);
  absl::StatusOr<ElfImage> image = ElfImage::FromFile(UniqueFd(duplicate));
  if (!image.ok()) return;
  for (const Mapping* first : mappings) {
    const absl::StatusOr<int64_t> bias = image->LoadBias(*first);
    if (!bias.ok()) continue;
    Module module = MakeModule(*image, *first, static_cast<uint64_t>(*bias));
    std::vector<Piece> pieces;
    bool executable = false;
    for (const Mapping* mapping : mappings) {
      if (!module.range.contains(mapping->range.begin)) continue;
      executable |= mapping->executable;
      pieces.push_back({.range = mapping->range,
                        .module = modules_.size(),
                        .file_offset = mapping->file_offset,
                        .constant = IsConstant(*image, *mapping, module.bias),
                        .copy = {}});
    }
    if (!executable) continue;
    module.file.reset(fcntl(file->get(), F_DUPFD_CLOEXEC, 0));
    std::move(pieces.begin(), pieces.end(), std::back_inserter(pieces_));
    modules_.push_back(std::move(module));
  }
}

// The vdso, and files that are gone or not for us to open.
void ModuleMap::AddFromMemory(Target& target, const std::vector<const Mapping*>& mappings) {
  absl::StatusOr<ElfImage> image = ElfImage::FromMemory(target.memory(), mappings.front()->range.begin);
  const absl::StatusOr<int64_t> bias = image.ok() ? image->LoadBias(*mappings.front()) : image.status();
  if (!bias.ok()) return;
  Module module = MakeModule(*image, *mappings.front(), static_cast<uint64_t>(*bias));
  uint64_t budget = kMaxCopy;
  for (const Mapping* mapping : mappings) {
    if (!module.range.contains(mapping->range.begin) || !IsConstant(*image, *mapping, module.bias)) continue;
    if (mapping->range.size > budget) continue;
    Piece piece{.range = mapping->range,
                .module = modules_.size(),
                .file_offset = mapping->file_offset,
                .constant = true,
                .copy = std::vector<std::byte>(mapping->range.size)};
    if (!target.memory().Read(piece.range.begin, absl::MakeSpan(piece.copy)).ok()) continue;
    budget -= piece.range.size;
    // The vdso is the same in memory and as a file.
    if (module.path == "[vdso]") module.file = FileOf(piece.copy);
    pieces_.push_back(std::move(piece));
  }
  modules_.push_back(std::move(module));
}

const Module* ModuleMap::Find(Address address) const {
  auto it = std::upper_bound(by_address_.begin(), by_address_.end(), address,
                             [this](Address at, size_t i) { return at < modules_[i].range.begin; });
  if (it == by_address_.begin()) return nullptr;
  const Module& module = modules_[*--it];
  return module.range.contains(address) ? &module : nullptr;
}

const Mapping* ModuleMap::FindMapping(Address address) const {
  auto it = std::upper_bound(mappings_.begin(), mappings_.end(), address,
                             [](Address at, const Mapping& mapping) { return at < mapping.range.begin; });
  if (it == mappings_.begin()) return nullptr;
  --it;
  return it->range.contains(address) ? &*it : nullptr;
}

Address ModuleMap::FindGap(AddressRange range, uint64_t size) const {
  constexpr int64_t kReach = int64_t{1} << 30;
  Address gap((range.end().value() + kPageSize - 1) / kPageSize * kPageSize);
  for (const Mapping& mapping : mappings_) {
    if (mapping.range.end() <= gap) continue;
    if (mapping.range.begin >= gap + static_cast<int64_t>(size)) break;
    gap = mapping.range.end();
  }
  return gap - range.end() <= kReach ? gap : Address();
}

const ModuleMap::Piece* ModuleMap::FindPiece(Address address) const {
  auto it = std::upper_bound(pieces_.begin(), pieces_.end(), address,
                             [](Address at, const Piece& piece) { return at < piece.range.begin; });
  if (it == pieces_.begin()) return nullptr;
  --it;
  return it->range.contains(address) ? &*it : nullptr;
}

absl::Status ModuleMap::PieceMemory::Read(Address address, absl::Span<std::byte> out) {
  while (!out.empty()) {
    const Piece* piece = map_.FindPiece(address);
    if (piece == nullptr) return UnreadableError(address);
    const uint64_t within = static_cast<uint64_t>(address - piece->range.begin);
    const size_t size = static_cast<size_t>(std::min<uint64_t>(out.size(), piece->range.size - within));
    if (!piece->copy.empty()) {
      std::copy_n(piece->copy.begin() + static_cast<ptrdiff_t>(within), size, out.begin());
    } else {
      const int file = map_.modules_[piece->module].file.get();
      const ssize_t n = pread(file, out.data(), size, static_cast<off_t>(piece->file_offset + within));
      if (n <= 0) return UnreadableError(address);
      // The rest of a file's last page reads as zero.
      std::fill(out.begin() + n, out.begin() + static_cast<ptrdiff_t>(size), std::byte{0});
    }
    out.remove_prefix(size);
    address = address + static_cast<int64_t>(size);
  }
  return absl::OkStatus();
}

absl::Status ModuleMap::ReadConstant(Address address, absl::Span<std::byte> out) {
  const Piece* piece = FindPiece(address);
  if (piece == nullptr || !piece->constant) return UnreadableError(address);
  return pages_.Read(address, out);
}

absl::Status ModuleMap::ReadInitial(Address address, absl::Span<std::byte> out) { return pages_.Read(address, out); }

}  // namespace pysnap
