#include "snapshotter/native/debug_information.h"

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "snapshotter/native/debug_files.h"

namespace pysnap {
namespace {

// A bound on what debug information may claim.
constexpr size_t kMaxUnits = 1'000'000;

}  // namespace

DebugInformation::DebugInformation(const ModuleMap& modules, Target& target) : modules_(modules), target_(target) {
  callbacks_.find_elf = [](Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; };
  callbacks_.find_debuginfo = [](Dwfl_Module*, void** user_data, const char*, Dwarf_Addr, const char*, const char* link,
                                 GElf_Word link_checksum, char**) {
    auto* loaded = static_cast<Loaded*>(*user_data);
    // The second time it is about a file that debug files share (.gnu_debugaltlink), which libdw finds by itself.
    if (loaded == nullptr || std::exchange(loaded->asked_for_file, true)) return -1;
    return FindDebugFile(loaded->owner->target_, *loaded->source, link != nullptr ? link : "", link_checksum).release();
  };
  callbacks_.section_address = dwfl_offline_section_address;
  dwfl_ = dwfl_begin(&callbacks_);
}

DebugInformation::~DebugInformation() {
  if (dwfl_ != nullptr) dwfl_end(dwfl_);
}

const DebugInformation::Loaded* DebugInformation::Load(Address address) {
  const Module* module = modules_.Find(address);
  if (module == nullptr || dwfl_ == nullptr) return nullptr;
  const auto [it, inserted] = loaded_.try_emplace(module);
  if (!inserted) return it->second.get();
  it->second = std::make_unique<Loaded>();
  Loaded& loaded = *it->second;
  loaded.owner = this;
  loaded.source = module;
  if (!module->file.ok()) return &loaded;
  // Two modules of one name at different addresses are taken for one that moved, hence the address in the name.
  const std::string name = absl::StrCat(module->path, "@", module->bias);
  dwfl_report_begin_add(dwfl_);
  const int file = fcntl(module->file.get(), F_DUPFD_CLOEXEC, 0);
  loaded.module = dwfl_report_elf(dwfl_, name.c_str(), module->path.c_str(), file, module->bias, true);
  dwfl_report_end(dwfl_, nullptr, nullptr);
  if (loaded.module == nullptr) {
    UniqueFd unused(file);
    return &loaded;
  }
  void** user_data = nullptr;
  dwfl_module_info(loaded.module, &user_data, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  *user_data = &loaded;
  loaded.debug = dwfl_module_getdwarf(loaded.module, &loaded.bias);
  if (loaded.debug != nullptr) IndexUnits(loaded);
  return &loaded;
}

// .debug_aranges, which libdw would go by, is optional, and compilers leave it out.
void DebugInformation::IndexUnits(Loaded& loaded) {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  size_t count = 0;
  while (count++ < kMaxUnits && dwarf_get_units(loaded.debug, unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    Dwarf_Addr base, begin, end;
    ptrdiff_t offset = 0;
    while ((offset = dwarf_ranges(&die, offset, &base, &begin, &end)) > 0) {
      if (begin < end) loaded.units.push_back({begin, end, dwarf_dieoffset(&die)});
    }
  }
  std::sort(loaded.units.begin(), loaded.units.end(),
            [](const UnitRange& a, const UnitRange& b) { return a.begin < b.begin; });
}

bool DebugInformation::FindUnit(const Loaded& loaded, Address address, Dwarf_Die* unit) {
  if (loaded.debug == nullptr) return false;
  const Dwarf_Addr pc = address.value() - loaded.bias;
  auto it = std::upper_bound(loaded.units.begin(), loaded.units.end(), pc,
                             [](Dwarf_Addr at, const UnitRange& range) { return at < range.begin; });
  if (it == loaded.units.begin()) return false;
  --it;
  return pc < it->end && dwarf_offdie(loaded.debug, it->unit, unit) != nullptr;
}

}  // namespace pysnap
