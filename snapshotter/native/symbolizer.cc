#include "snapshotter/native/symbolizer.h"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/native/debug_files.h"

namespace pysnap {
namespace {

// Bounds on what debug information may claim.
constexpr int kMaxInlineDepth = 200;
constexpr int kMaxScopeDepth = 1000;
constexpr size_t kMaxUnits = 1'000'000;

std::string Demangled(const std::string& symbol) {
  if (symbol.compare(0, 2, "_Z") != 0) return symbol;
  int status = 0;
  char* text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  if (status != 0 || text == nullptr) return symbol;
  std::string demangled = text;
  std::free(text);
  return demangled;
}

std::string AttributeText(Dwarf_Die* die, unsigned int name) {
  Dwarf_Attribute attribute;
  const char* text = dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
  return text != nullptr ? text : "";
}

uint32_t AttributeNumber(Dwarf_Die* die, unsigned int name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0) return 0;
  return value <= UINT32_MAX ? static_cast<uint32_t>(value) : 0;
}

void SetName(Dwarf_Die* function, NativeFunction& out) {
  out.symbol = AttributeText(function, DW_AT_linkage_name);
  if (out.symbol.empty()) out.symbol = AttributeText(function, DW_AT_MIPS_linkage_name);
  const std::string plain = AttributeText(function, DW_AT_name);
  if (out.symbol.empty()) out.symbol = plain;
  out.name = Demangled(out.symbol);
}

// The file with this number in the unit's line table.
std::string FileOf(Dwarf_Die* unit, uint32_t number) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count) return "";
  const char* name = dwarf_filesrc(files, number, nullptr, nullptr);
  return name != nullptr ? name : "";
}

std::string Absolute(const std::string& file, Dwarf_Die* unit) {
  if (file.empty() || file[0] == '/') return file;
  const std::string folder = AttributeText(unit, DW_AT_comp_dir);
  return folder.empty() ? file : absl::StrCat(folder, "/", file);
}

// The child of `scope` that holds `pc` and is of interest; a unit's functions may stand within namespaces.
std::optional<Dwarf_Die> ChildAt(Dwarf_Die* scope, Dwarf_Addr pc, int depth) {
  Dwarf_Die child;
  if (depth > kMaxScopeDepth || dwarf_child(scope, &child) != 0) return std::nullopt;
  do {
    switch (dwarf_tag(&child)) {
      case DW_TAG_subprogram:
      case DW_TAG_inlined_subroutine:
      case DW_TAG_lexical_block:
      case DW_TAG_try_block:
      case DW_TAG_catch_block:
        if (dwarf_haspc(&child, pc) > 0) return child;
        break;
      case DW_TAG_namespace:
      case DW_TAG_module:
        if (std::optional<Dwarf_Die> inner = ChildAt(&child, pc, depth + 1)) return inner;
        break;
      default:
        break;
    }
  } while (dwarf_siblingof(&child, &child) == 0);
  return std::nullopt;
}

}  // namespace

class Symbolizer::Context {
 public:
  Context(const ModuleMap& modules, Target& target) : modules_(modules), target_(target) {
    callbacks_.find_elf = [](Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; };
    callbacks_.find_debuginfo = FindDebugInformation;
    callbacks_.section_address = dwfl_offline_section_address;
    dwfl_ = dwfl_begin(&callbacks_);
  }
  ~Context() {
    if (dwfl_ != nullptr) dwfl_end(dwfl_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  std::vector<NativeFunction> Symbolize(Address instruction, AddressRange code) {
    std::vector<NativeFunction> functions;
    Loaded* loaded = Load(instruction);
    if (loaded == nullptr || loaded->module == nullptr) return {NativeFunction()};
    AddFromDebugInformation(*loaded, instruction, functions);
    if (functions.empty() || functions.back().name.empty()) {
      NativeFunction function = FromSymbolTable(*loaded, instruction, code);
      if (functions.empty()) return {std::move(function)};
      std::swap(functions.back().name, function.name);
      std::swap(functions.back().symbol, function.symbol);
    }
    return functions;
  }

 private:
  // One unit's code.
  struct UnitRange {
    Dwarf_Addr begin = 0;
    Dwarf_Addr end = 0;
    Dwarf_Off unit = 0;
  };
  struct Loaded {
    Context* context = nullptr;
    const Module* source = nullptr;
    Dwfl_Module* module = nullptr;
    bool asked_for_file = false;
    Dwarf* debug = nullptr;
    Dwarf_Addr bias = 0;  // from addresses in `debug` to those in memory
    std::vector<UnitRange> units;
  };

  static int FindDebugInformation(Dwfl_Module*,
                                  void** user_data,
                                  const char*,
                                  Dwarf_Addr,
                                  const char*,
                                  const char* link,
                                  GElf_Word link_checksum,
                                  char**) {
    auto* loaded = static_cast<Loaded*>(*user_data);
    // The second time it is about a file that debug files share (.gnu_debugaltlink), which libdw finds by itself.
    if (loaded == nullptr || std::exchange(loaded->asked_for_file, true)) return -1;
    return FindDebugFile(loaded->context->target_, *loaded->source, link != nullptr ? link : "", link_checksum)
        .release();
  }

  Loaded* Load(Address address) {
    const Module* module = modules_.Find(address);
    if (module == nullptr || dwfl_ == nullptr) return nullptr;
    const auto [it, inserted] = loaded_.try_emplace(module);
    if (!inserted) return it->second.get();
    it->second = std::make_unique<Loaded>();
    Loaded& loaded = *it->second;
    loaded.context = this;
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
  void IndexUnits(Loaded& loaded) {
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

  void AddFromDebugInformation(const Loaded& loaded, Address instruction, std::vector<NativeFunction>& functions) {
    if (loaded.debug == nullptr) return;
    const Dwarf_Addr pc = instruction.value() - loaded.bias;
    auto it = std::upper_bound(loaded.units.begin(), loaded.units.end(), pc,
                               [](Dwarf_Addr at, const UnitRange& range) { return at < range.begin; });
    if (it == loaded.units.begin()) return;
    --it;
    Dwarf_Die unit;
    if (pc >= it->end || dwarf_offdie(loaded.debug, it->unit, &unit) == nullptr) return;

    // From the outermost function inwards.
    std::vector<Dwarf_Die> chain;
    Dwarf_Die scope = unit;
    for (int depth = 0; depth < kMaxScopeDepth && chain.size() < kMaxInlineDepth; ++depth) {
      std::optional<Dwarf_Die> inner = ChildAt(&scope, pc, 0);
      if (!inner.has_value()) break;
      scope = *inner;
      const int tag = dwarf_tag(&scope);
      if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) chain.push_back(scope);
    }
    if (chain.empty()) return;

    std::string file;
    uint32_t line = 0;
    if (Dwarf_Line* at = dwarf_getsrc_die(&unit, pc); at != nullptr) {
      if (const char* name = dwarf_linesrc(at, nullptr, nullptr)) file = Absolute(name, &unit);
      int number = 0;
      if (dwarf_lineno(at, &number) == 0 && number > 0) line = static_cast<uint32_t>(number);
    }
    for (size_t i = chain.size(); i-- > 0;) {
      NativeFunction& function = functions.emplace_back();
      SetName(&chain[i], function);
      function.file = file;
      function.line = line;
      file = Absolute(FileOf(&unit, AttributeNumber(&chain[i], DW_AT_call_file)), &unit);
      line = AttributeNumber(&chain[i], DW_AT_call_line);
    }
  }

  static NativeFunction FromSymbolTable(const Loaded& loaded, Address instruction, AddressRange code) {
    NativeFunction function;
    GElf_Sym symbol;
    GElf_Off offset = 0;
    const char* name =
        dwfl_module_addrinfo(loaded.module, instruction.value(), &offset, &symbol, nullptr, nullptr, nullptr);
    if (name == nullptr || *name == '\0') return function;
    // The nearest symbol before an address need not be what the address belongs to.
    const bool within = symbol.st_size != 0
                            ? offset < symbol.st_size
                            : code.size != 0 && instruction - static_cast<int64_t>(offset) == code.begin;
    if (!within) return function;
    function.symbol = name;
    function.name = Demangled(function.symbol);
    function.offset = offset;
    function.from_table = true;
    return function;
  }

  const ModuleMap& modules_;
  Target& target_;
  Dwfl_Callbacks callbacks_ = {};
  Dwfl* dwfl_ = nullptr;
  absl::flat_hash_map<const Module*, std::unique_ptr<Loaded>> loaded_;
};

Symbolizer::Symbolizer(const ModuleMap& modules, Target& target)
    : context_(std::make_unique<Context>(modules, target)) {}
Symbolizer::~Symbolizer() = default;

std::vector<NativeFunction> Symbolizer::Symbolize(Address instruction, AddressRange code) {
  return context_->Symbolize(instruction, code);
}

}  // namespace pysnap
