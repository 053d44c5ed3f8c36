#include "snapshotter/supervise/trap_points.h"

#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/mapped_modules.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/threads.h"

namespace pysnap {
namespace {

struct NamedTrap {
  const char* symbol;
  TrapPoint::Kind kind;
};
constexpr NamedTrap kTraps[] = {
    {"PyErr_Print", TrapPoint::Kind::kPrint},
    {"PyErr_PrintEx", TrapPoint::Kind::kPrintEx},
    {"_PyErr_WriteUnraisableMsg", TrapPoint::Kind::kUnraisable},
    {"PyErr_FormatUnraisable", TrapPoint::Kind::kUnraisable},
};

absl::StatusOr<Address> Find(NameLookup& lookup, Address dict, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(dict));
  ASSIGN_OR_RETURN(const Address value, lookup.Find(items, name));
  if (value.is_null()) return absl::NotFoundError(name);
  return value;
}

}  // namespace

absl::StatusOr<std::vector<TrapPoint>> FindTrapPoints(Target& target) {
  for (const MappedModule& module : ListModules(target)) {
    absl::StatusOr<ElfImage> image = OpenImage(target, module);
    if (!image.ok()) continue;
    // What a program exports of its own and what it imports under such a name are told apart by FindSymbol.
    ASSIGN_OR_RETURN(const std::optional<ElfSymbol> runtime, image->FindSymbol("_PyRuntime"));
    if (!runtime.has_value()) continue;
    const std::vector<int64_t> biases = LoadBiases(*image, module, target);
    if (biases.empty()) continue;
    std::vector<TrapPoint> points;
    for (const NamedTrap& trap : kTraps) {
      ASSIGN_OR_RETURN(const std::optional<ElfSymbol> symbol, image->FindSymbol(trap.symbol));
      if (symbol.has_value()) {
        points.push_back({trap.kind, Address(symbol->address + static_cast<uint64_t>(biases.front()))});
      }
    }
    return points;
  }
  return std::vector<TrapPoint>();
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
