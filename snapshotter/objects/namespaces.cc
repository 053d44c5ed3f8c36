#include "snapshotter/objects/namespaces.h"

#include <algorithm>

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

void Namespaces::AddClass(Crawl& crawl, Address type, Address dict) {
  Plan& plan = plans_[dict];
  plan.is_class = true;
  (void)type;
  if (root_modules_.contains(ModuleNameOf(crawl, dict, "__module__"))) plan.whole = true;
}

const Namespaces::Plan* Namespaces::Find(Address dict) const {
  const auto it = plans_.find(dict);
  return it == plans_.end() ? nullptr : &it->second;
}

bool Namespaces::Wants(Crawl& crawl, const Plan& plan, Address key, uint64_t position) const {
  if (plan.whole || plan.wanted.contains(key)) return true;
  if (plan.is_class && (mentioned_.contains(key) || TellsHowToShow(crawl, key))) return true;
  if (position >= kHeadEntries || !crawl.IsText(key)) return false;
  const Name& name = crawl.NameAt(key);
  return std::find(std::begin(kHeadNames), std::end(kHeadNames), name.text) != std::end(kHeadNames);
}

bool Namespaces::TellsHowToShow(Crawl& crawl, Address key) const {
  return crawl.IsText(key) && std::find(kShowing.begin(), kShowing.end(), crawl.NameAt(key).text) != kShowing.end();
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

// The functions of a class that a captured module defines belong to the next generation.
void Namespaces::FollowClass(Crawl& crawl, const Lookup& lookup, Address type) {
  if (lookup.generation >= kMaxGeneration || !classes_.insert(type).second) return;
  const TypeInfo& info = crawl.types().Get(type);
  if (!info.problem.ok() || !info.heap) return;
  const Address dict = ReadOrNull(crawl, type + crawl.layout().PyTypeObject.tp_dict);
  if (dict.is_null() || !root_modules_.contains(ModuleNameOf(crawl, dict, "__module__"))) return;
  for (const auto& [key, value] : EntriesOf(crawl, dict).in_order) {
    if (TypeOf(crawl, value) == crawl.runtime().Symbol("PyFunction_Type")) Follow(crawl, lookup, value);
  }
}

}  // namespace pysnap
