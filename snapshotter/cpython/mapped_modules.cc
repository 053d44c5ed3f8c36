#include "snapshotter/cpython/mapped_modules.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace pysnap {
namespace {

// Files looked into, at most; a process with more mapped ones than that has its Python among the first.
constexpr size_t kMaxModules = 4096;

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::vector<MappedModule> ListModules(const Target& target) {
  std::vector<MappedModule> modules;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, size_t> by_file;
  for (const Mapping& mapping : target.mappings()) {
    if (mapping.inode == 0 || !absl::StartsWith(mapping.path, "/")) continue;
    const auto [it, added] = by_file.try_emplace({mapping.device, mapping.inode}, modules.size());
    if (added) {
      if (modules.size() == kMaxModules) break;
      modules.push_back({.path = mapping.path, .mappings = {}});
    }
    modules[it->second].mappings.push_back(&mapping);
  }
  // A file that nobody may execute is no module. (The mapping of code may be of another file, as with huge pages.)
  const auto has_code = [](const MappedModule& module) {
    return std::any_of(module.mappings.begin(), module.mappings.end(), [](const Mapping* m) { return m->executable; });
  };
  const std::string executable = target.info().executable;
  const auto rank = [&](const MappedModule& module) {
    if (module.path == executable) return 0;
    if (absl::StartsWith(BaseName(module.path), "libpython")) return 1;
    if (absl::StrContains(BaseName(module.path), "python")) return 2;
    return has_code(module) ? 3 : 4;
  };
  std::stable_sort(modules.begin(), modules.end(),
                   [&](const MappedModule& a, const MappedModule& b) { return rank(a) < rank(b); });
  while (!modules.empty() && rank(modules.back()) == 4) modules.pop_back();
  return modules;
}

absl::StatusOr<ElfImage> OpenImage(Target& target, const MappedModule& module) {
  absl::Status status;
  if (absl::StatusOr<UniqueFd> fd = target.OpenMapping(*module.mappings.front()); fd.ok()) {
    absl::StatusOr<ElfImage> image = ElfImage::FromFile(*std::move(fd));
    if (image.ok() || absl::IsInvalidArgument(image.status())) return image;
    status = image.status();
  } else {
    status = fd.status();
  }
  for (const Mapping* mapping : module.mappings) {
    if (mapping->file_offset != 0 || !mapping->readable) continue;
    if (absl::StatusOr<ElfImage> image = ElfImage::FromMemory(target.memory(), mapping->range.begin); image.ok()) {
      return image;
    }
  }
  return status;
}

std::vector<int64_t> LoadBiases(const ElfImage& image, const MappedModule& module, const Target& target) {
  std::vector<int64_t> biases;
  for (const Mapping* mapping : module.mappings) {
    const absl::StatusOr<int64_t> bias = image.LoadBias(*mapping);
    if (!bias.ok()) continue;
    const auto is_mapped = [&](const ElfSegment& segment) {
      const Address address(segment.address + static_cast<uint64_t>(*bias));
      return std::any_of(target.mappings().begin(), target.mappings().end(),
                         [&](const Mapping& candidate) { return candidate.range.contains(address); });
    };
    if (std::all_of(image.segments().begin(), image.segments().end(), is_mapped)) biases.push_back(*bias);
  }
  return biases;
}

}  // namespace pysnap
