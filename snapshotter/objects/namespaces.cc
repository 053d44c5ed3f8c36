#include "snapshotter/objects/namespaces.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/cpython/type_flags.h"
#include "snapshotter/objects/crawl.h"

namespace pysnap {
namespace {

// Bounds on what is looked at, far above what real programs have.
constexpr uint64_t kMaxNames = 1 << 16;
constexpr size_t kMaxCodes = 1 << 16;
constexpr size_t kMaxEntries = 1 << 20;
constexpr size_t kMaxLookups = 1 << 18;

// Entries among the first of a namespace that say which one it is.
constexpr uint64_t kHeadEntries = 16;
constexpr absl::string_view kHeadNames[] = {"__name__",   "__file__",     "__spec__",  "__package__",
                                            "__module__", "__qualname__", "__slots__", "__builtins__"};

// Of every class. It need not have the interned names.
constexpr absl::string_view kAlwaysRecorded[] = {
    // How instances are shown.
    "__repr__", "__str__", "__format__", "_fields", "__dataclass_fields__",
    // How instances and classes are made, and attributes found.
    "__new__", "__init__", "__init_subclass__", "__set_name__", "__class_getitem__", "__getattr__", "__getattribute__",
    "__setattr__", "__delattr__", "__instancecheck__", "__subclasscheck__",
    // Containers, callables, context managers, iteration.
    "__len__", "__length_hint__", "__getitem__", "__setitem__", "__delitem__", "__missing__", "__contains__",
    "__reversed__", "__iter__", "__next__", "__call__", "__enter__", "__exit__", "__await__", "__aiter__", "__anext__",
    "__aenter__", "__aexit__",
    // Comparison and conversion.
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__bool__", "__index__", "__int__",
    "__float__", "__complex__", "__bytes__", "__round__", "__trunc__", "__floor__", "__ceil__",
    // Operators.
    "__add__", "__sub__", "__mul__", "__matmul__", "__truediv__", "__floordiv__", "__mod__", "__divmod__", "__pow__",
    "__lshift__", "__rshift__", "__and__", "__xor__", "__or__", "__radd__", "__rsub__", "__rmul__", "__rmatmul__",
    "__rtruediv__", "__rfloordiv__", "__rmod__", "__rdivmod__", "__rpow__", "__rlshift__", "__rrshift__", "__rand__",
    "__rxor__", "__ror__", "__iadd__", "__isub__", "__imul__", "__imatmul__", "__itruediv__", "__ifloordiv__",
    "__imod__", "__ipow__", "__ilshift__", "__irshift__", "__iand__", "__ixor__", "__ior__", "__neg__", "__pos__",
    "__abs__", "__invert__",
    // Descriptors.
    "__get__", "__set__", "__delete__"};

absl::StatusOr<std::vector<uint64_t>> ReadTuple(Crawl& crawl, Address tuple) {
  ASSIGN_OR_RETURN(const uint64_t size, crawl.memory().ReadValue<uint64_t>(tuple + crawl.layout().PyVarObject.ob_size));
  if (size > kMaxNames) return absl::ResourceExhaustedError("a tuple of names");
  std::vector<uint64_t> items;
  RETURN_IF_ERROR(crawl.memory().ReadArray(tuple + crawl.layout().PyTupleObject.ob_item, size, items));
  return items;
}

Address TypeOf(Crawl& crawl, Address object) {
  const absl::StatusOr<Address> type = crawl.memory().ReadPointer(object + crawl.layout().PyObject.ob_type);
  return type.ok() ? *type : Address();
}

Address ReadOrNull(Crawl& crawl, Address field) {
  const absl::StatusOr<Address> value = crawl.memory().ReadPointer(field);
  return value.ok() ? *value : Address();
}

}  // namespace

void Namespaces::Add(Address dict, NamespaceKind kind, Address code) {
  Plan& plan = plans_[dict];
  if (kind == NamespaceKind::kWhole) plan.whole = true;
  if (code.is_null()) return;
  if (kind == NamespaceKind::kGlobals) {
    root_dicts_.insert(dict);
    plan.whole = true;
  }
  Enqueue({code, dict, 0});
}

void Namespaces::AddClass(Crawl& crawl, Address dict) {
  Plan& plan = plans_[dict];
  plan.is_class = true;
  if (IsOwnClass(crawl, dict)) plan.whole = true;
}

// Whether the program itself defines the class of this namespace.
bool Namespaces::IsOwnClass(Crawl& crawl, Address dict) {
  const std::string module = ModuleNameOf(crawl, dict, "__module__");
  return !module.empty() && (root_modules_.contains(module) || modules_.Contains(module));
}

const Namespaces::Plan* Namespaces::Find(Address dict) const {
  const auto it = plans_.find(dict);
  return it == plans_.end() ? nullptr : &it->second;
}

bool Namespaces::Wants(Crawl& crawl, const Plan& plan, Address key, Address value, uint64_t position) const {
  if (plan.whole || plan.wanted.contains(key)) return true;
  if (plan.is_class && (mentioned_.contains(key) || IsAlwaysRecorded(crawl, key) || IsData(crawl, key, value))) {
    return true;
  }
  if (position >= kHeadEntries || !crawl.IsText(key)) return false;
  const Name& name = crawl.NameAt(key);
  return std::find(std::begin(kHeadNames), std::end(kHeadNames), name.text) != std::end(kHeadNames);
}

bool Namespaces::IsAlwaysRecorded(Crawl& crawl, Address key) const {
  static const absl::flat_hash_set<absl::string_view> names(std::begin(kAlwaysRecorded), std::end(kAlwaysRecorded));
  return crawl.IsText(key) && names.contains(crawl.NameAt(key).text);
}

// What methods read of their class, named only in code that is not recorded: tables, constants, patterns.
bool Namespaces::IsData(Crawl& crawl, Address key, Address value) const {
  static const absl::flat_hash_set<absl::string_view> no_data = {"function",
                                                                 "staticmethod",
                                                                 "classmethod",
                                                                 "property",
                                                                 "builtin_function_or_method",
                                                                 "method_descriptor",
                                                                 "classmethod_descriptor",
                                                                 "wrapper_descriptor",
                                                                 "getset_descriptor",
                                                                 "member_descriptor"};
  const Address type = TypeOf(crawl, value);
  if (!type || !crawl.IsText(key)) return false;
  const TypeInfo& info = crawl.types().Get(type);
  if (!info.problem.ok() || (info.shape.flags & kTypeTypeSubclass) != 0 || no_data.contains(info.name)) return false;
  const Name& name = crawl.NameAt(key);
  return name.problem.ok() && !absl::StartsWith(name.text, "__");
}

void Namespaces::Enqueue(const Lookup& lookup) {
  if (seen_.size() >= kMaxLookups) return;
  if (seen_.insert({lookup.code, lookup.dict}).second) queues_[lookup.generation].push_back(lookup);
}

// The text of a namespace's entry, e.g. its __name__; empty when there is none among the first ones.
std::string Namespaces::ModuleNameOf(Crawl& crawl, Address dict, absl::string_view key) {
  std::string text;
  uint64_t seen = 0;
  (void)VisitDict(crawl.runtime(), crawl.memory(), dict, [&](Address name, Address value) {
    if (++seen > kHeadEntries || !crawl.IsText(name)) return false;
    if (crawl.NameAt(name).text != key) return true;
    if (crawl.IsText(value)) text = crawl.NameAt(value).text;
    return false;
  });
  return text;
}

// The names that a code object and those nested in it use: co_names, which holds globals and attributes alike.
const Namespaces::Names& Namespaces::NamesOf(Crawl& crawl, Address code) {
  const auto [it, inserted] = names_.try_emplace(code);
  if (!inserted) return it->second;
  const auto& layout = crawl.layout().PyCodeObject;
  const Address code_type = crawl.runtime().Symbol("PyCode_Type");
  Names& names = it->second;
  std::vector<Address> pending = {code};
  absl::flat_hash_set<Address> visited = {code};
  while (!pending.empty()) {
    const Address at = pending.back();
    pending.pop_back();
    if (TypeOf(crawl, at) != code_type) continue;
    const absl::StatusOr<std::vector<uint64_t>> own = ReadTuple(crawl, ReadOrNull(crawl, at + layout.co_names));
    if (own.ok()) {
      for (const uint64_t name : *own) names.push_back(Address(name));
    }
    const absl::StatusOr<std::vector<uint64_t>> constants = ReadTuple(crawl, ReadOrNull(crawl, at + layout.co_consts));
    if (!constants.ok()) continue;
    for (const uint64_t constant : *constants) {
      const Address nested(constant);
      if (TypeOf(crawl, nested) == code_type && visited.size() < kMaxCodes && visited.insert(nested).second) {
        pending.push_back(nested);
      }
    }
  }
  mentioned_.insert(names.begin(), names.end());
  return names;
}

const Namespaces::Entries& Namespaces::EntriesOf(Crawl& crawl, Address dict) {
  const auto [it, inserted] = entries_.try_emplace(dict);
  Entries& entries = it->second;
  if (!inserted) return entries;
  (void)VisitDict(crawl.runtime(), crawl.memory(), dict, [&entries](Address key, Address value) {
    entries.in_order.emplace_back(key, value);
    entries.by_key.emplace(key, value);
    return entries.in_order.size() < kMaxEntries;
  });
  return entries;
}

void Namespaces::Resolve(Crawl& crawl) {
  for (const Address dict : root_dicts_) {
    const std::string name = ModuleNameOf(crawl, dict, "__name__");
    if (!name.empty()) root_modules_.insert(name);
  }
  for (std::deque<Lookup>& queue : queues_) {
    while (!queue.empty()) {
      const Lookup lookup = queue.front();
      queue.pop_front();
      const Entries& entries = EntriesOf(crawl, lookup.dict);
      Plan& plan = plans_[lookup.dict];
      for (const Address name : NamesOf(crawl, lookup.code)) {
        const auto entry = entries.by_key.find(name);
        if (entry == entries.by_key.end()) continue;
        plan.wanted.insert(name);
        Follow(crawl, lookup, entry->second);
      }
    }
  }
  entries_.clear();
}

void Namespaces::Follow(Crawl& crawl, const Lookup& lookup, Address value) {
  const Address type = TypeOf(crawl, value);
  const Layout& layout = crawl.layout();
  if (type == crawl.runtime().Symbol("PyFunction_Type")) {
    if (lookup.generation >= kMaxGeneration) return;
    const Address code = ReadOrNull(crawl, value + layout.PyFunctionObject.func_code);
    const Address globals = ReadOrNull(crawl, value + layout.PyFunctionObject.func_globals);
    if (code && globals) Enqueue({code, globals, lookup.generation + 1});
  } else if (type == crawl.runtime().Symbol("PyModule_Type")) {
    const Address dict = ReadOrNull(crawl, value + layout.PyModuleObject.md_dict);
    if (dict) Enqueue({lookup.code, dict, lookup.generation});
  } else if (type) {
    const TypeInfo& info = crawl.types().Get(type);
    if (info.problem.ok() && (info.shape.flags & kTypeTypeSubclass) != 0) FollowClass(crawl, lookup, value);
  }
}

// The functions of one of the program's own classes belong to the next generation.
void Namespaces::FollowClass(Crawl& crawl, const Lookup& lookup, Address type) {
  if (lookup.generation >= kMaxGeneration || !classes_.insert(type).second) return;
  const TypeInfo& info = crawl.types().Get(type);
  if (!info.problem.ok() || !info.heap) return;
  const Address dict = ReadOrNull(crawl, type + crawl.layout().PyTypeObject.tp_dict);
  if (dict.is_null() || !IsOwnClass(crawl, dict)) return;
  for (const auto& [key, value] : EntriesOf(crawl, dict).in_order) {
    if (TypeOf(crawl, value) == crawl.runtime().Symbol("PyFunction_Type")) Follow(crawl, lookup, value);
  }
}

}  // namespace pysnap
