#include "snapshotter/supervise/trap_points.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/mapped_modules.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/process/machine_code.h"

namespace pysnap {
namespace {

using Kind = TrapPoint::Kind;

struct NamedTrap {
  const char* symbol;
  Kind kind;
};
constexpr NamedTrap kTraps[] = {
    {"_PyErr_WriteUnraisableMsg", Kind::kUnraisable},
    {"PyErr_FormatUnraisable", Kind::kUnraisable},
    {"Py_FinalizeEx", Kind::kFinalize},
    {"PyImport_ImportModule", Kind::kImport},
};

// FutureObj_finalize makes its message from it, in all versions.
constexpr char kNeverRetrievedText[] = "%s exception was never retrieved";

absl::StatusOr<Address> Find(NameLookup& lookup, Address dict, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(dict));
  ASSIGN_OR_RETURN(const Address value, lookup.Find(items, name));
  if (value.is_null()) return absl::NotFoundError(name);
  return value;
}

// In addresses of the image.
absl::Status AddPrintTraps(ElfImage& image, std::vector<TrapPoint>& points) {
  ASSIGN_OR_RETURN(const std::optional<ElfSymbol> print, image.FindSymbol("PyErr_Print"));
  ASSIGN_OR_RETURN(const std::optional<ElfSymbol> print_ex, image.FindSymbol("PyErr_PrintEx"));
  if (print.has_value() && print_ex.has_value()) {
    if (Calls(image, *print, *print_ex)) {
      points.push_back({Kind::kPrintEx, Address(print_ex->address)});
      return absl::OkStatus();
    }
    // _PyErr_PrintEx: with link-time optimization from 3.13 on.
    const std::optional<uint64_t> end = TailCallOf(image, *print);
    if (end.has_value() && end == TailCallOf(image, *print_ex)) {
      points.push_back({Kind::kPrintEx, Address(*end)});
      return absl::OkStatus();
    }
  }
  if (print.has_value()) points.push_back({Kind::kPrint, Address(print->address)});
  if (print_ex.has_value()) points.push_back({Kind::kPrintEx, Address(print_ex->address)});
  return absl::OkStatus();
}

}  // namespace

const char* PurposeOf(TrapPoint::Kind kind) {
  switch (kind) {
    case Kind::kEntry:
      return "the program's start";
    case Kind::kLoader:
    case Kind::kImport:
      return "what is loaded later";
    case Kind::kPrint:
    case Kind::kPrintEx:
      return "unhandled exceptions";
    case Kind::kUnraisable:
      return "exceptions in threads of _thread";
    case Kind::kStructSequence:
    case Kind::kThreadHook:
      return "exceptions in threads";
    case Kind::kNeverRetrieved:
      return "asyncio's exceptions that were never retrieved";
    case Kind::kFinalize:
      return "exits";
  }
  return "";
}

absl::StatusOr<std::vector<TrapPoint>> TrapFinder::Find(Target& target) {
  for (const MappedModule& module : ListModules(target)) {
    absl::StatusOr<ElfImage> image = OpenImage(target, module);
    if (!image.ok()) continue;
    // What a program exports of its own and what it imports under such a name are told apart by FindSymbol.
    ASSIGN_OR_RETURN(const std::optional<ElfSymbol> runtime, image->FindSymbol("_PyRuntime"));
    if (!runtime.has_value()) continue;
    const std::vector<int64_t> biases = LoadBiases(*image, module, target);
    if (biases.empty()) continue;
    std::vector<TrapPoint> points;
    RETURN_IF_ERROR(AddPrintTraps(*image, points));
    for (const NamedTrap& trap : kTraps) {
      ASSIGN_OR_RETURN(const std::optional<ElfSymbol> symbol, image->FindSymbol(trap.symbol));
      if (symbol.has_value()) points.push_back({trap.kind, Address(symbol->address)});
    }
    ASSIGN_OR_RETURN(const std::optional<ElfSymbol> asyncio, image->FindSymbol("PyInit__asyncio"));
    if (asyncio.has_value()) {
      const absl::StatusOr<uint64_t> place = FindNeverRetrieved(*image, module);
      if (place.ok()) points.push_back({Kind::kNeverRetrieved, Address(*place)});
    }
    for (TrapPoint& point : points) point.address = point.address + biases.front();
    return points;
  }
  return std::vector<TrapPoint>();
}

absl::StatusOr<std::optional<TrapPoint>> TrapFinder::FindAsyncio(Target& target) {
  for (const MappedModule& module : ListModules(target)) {
    if (!IsAsyncio(module.path)) continue;
    absl::StatusOr<ElfImage> image = OpenImage(target, module);
    if (!image.ok()) continue;
    const std::vector<int64_t> biases = LoadBiases(*image, module, target);
    // The loader maps one segment after the other.
    if (biases.empty()) continue;
    ASSIGN_OR_RETURN(const uint64_t place, FindNeverRetrieved(*image, module));
    return TrapPoint{Kind::kNeverRetrieved, Address(place) + biases.front()};
  }
  return std::nullopt;
}

bool TrapFinder::IsAsyncio(absl::string_view path) {
  return absl::StartsWith(path.substr(path.rfind('/') + 1), "_asyncio.");
}

absl::StatusOr<uint64_t> TrapFinder::FindNeverRetrieved(const ElfImage& image, const MappedModule& module) {
  const Mapping& mapping = *module.mappings.front();
  const std::pair<uint64_t, uint64_t> file(mapping.device, mapping.inode);
  auto known = never_retrieved_.find(file);
  if (known == never_retrieved_.end()) {
    known = never_retrieved_.emplace(file, FindPassedText(image, kNeverRetrievedText)).first;
  }
  return known->second;
}

absl::StatusOr<ThreadHook> FindThreadHook(const Runtime& runtime, Memory& memory) {
  const PythonThreadList list = ListPythonThreads(runtime, memory);
  if (list.threads.empty()) return absl::NotFoundError("there is no thread state");
  NameLookup lookup(runtime, memory);
  ASSIGN_OR_RETURN(const Address module, Find(lookup, list.threads.front().modules, "_thread"));
  ASSIGN_OR_RETURN(const Address dict, memory.ReadPointer(module + runtime.layout.PyModuleObject.md_dict));
  ThreadHook hook;
  ASSIGN_OR_RETURN(hook.arguments_type, Find(lookup, dict, "_ExceptHookArgs"));
  ASSIGN_OR_RETURN(hook.constructor, memory.ReadPointer(hook.arguments_type + runtime.layout.PyTypeObject.tp_new));
  ASSIGN_OR_RETURN(const Address function, Find(lookup, dict, "_excepthook"));
  ASSIGN_OR_RETURN(const Address method, memory.ReadPointer(function + runtime.layout.PyCFunctionObject.m_ml));
  ASSIGN_OR_RETURN(hook.function, memory.ReadPointer(method + runtime.layout.PyMethodDef.ml_meth));
  return hook;
}

}  // namespace pysnap
