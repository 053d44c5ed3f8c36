// The executable and libraries that a process has mapped, as candidates for what holds CPython.
#ifndef PYSNAP_CPYTHON_MAPPED_MODULES_H_
#define PYSNAP_CPYTHON_MAPPED_MODULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/process/elf_image.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// The mappings of one file.
struct MappedModule {
  std::string path;
  std::vector<const Mapping*> mappings;
};

// The mapped files that may be modules, the likeliest first: the executable, then what is called libpython. Valid until
// the target's mappings are refreshed.
std::vector<MappedModule> ListModules(const Target& target);

// From the file or, when that was replaced (an upgrade while the process runs), from memory.
absl::StatusOr<ElfImage> OpenImage(Target& target, const MappedModule& module);

// What to add to the image's addresses where it has been loaded: once, as a rule. A file may also be mapped as data, or
// by libffi for its closures.
std::vector<int64_t> LoadBiases(const ElfImage& image, const MappedModule& module, const Target& target);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_MAPPED_MODULES_H_
