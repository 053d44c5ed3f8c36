#include "snapshotter/native/symbolizer.h"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "snapshotter/native/debug_information.h"

namespace pysnap {
namespace {

// Bounds on what debug information may claim.
constexpr int kMaxInlineDepth = 200;
constexpr int kMaxScopeDepth = 1000;

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
  Context(const ModuleMap& modules, Target& target) : debug_(modules, target) {}

  std::vector<NativeFunction> Symbolize(Address instruction, AddressRange code) {
    std::vector<NativeFunction> functions;
    const DebugInformation::Loaded* loaded = debug_.Load(instruction);
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
  void AddFromDebugInformation(const DebugInformation::Loaded& loaded,
                               Address instruction,
                               std::vector<NativeFunction>& functions) {
    const Dwarf_Addr pc = instruction.value() - loaded.bias;
    Dwarf_Die unit;
    if (!DebugInformation::FindUnit(loaded, instruction, &unit)) return;

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

  static NativeFunction FromSymbolTable(const DebugInformation::Loaded& loaded,
                                        Address instruction,
                                        AddressRange code) {
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

  DebugInformation debug_;
};

Symbolizer::Symbolizer(const ModuleMap& modules, Target& target)
    : context_(std::make_unique<Context>(modules, target)) {}
Symbolizer::~Symbolizer() = default;

std::vector<NativeFunction> Symbolizer::Symbolize(Address instruction, AddressRange code) {
  return context_->Symbolize(instruction, code);
}

}  // namespace pysnap
