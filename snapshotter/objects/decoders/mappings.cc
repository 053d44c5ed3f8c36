// dict and collections.OrderedDict.
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kBytesPerEntry = 16;

void AddEntry(Crawl& crawl, Address key, Address value, bool has_names, proto::Mapping& out) {
  const uint32_t key_id = crawl.Ref(key);
  const bool secret = crawl.IsSecretKey(key, key_id) && !has_names;
  if (crawl.IsKeyOfNames(key_id)) crawl.NoteNames(value);
  const uint32_t value_id = crawl.RefUnder(secret, value);
  if (crawl.touch_only()) return;
  out.add_key(key_id);
  out.add_value(value_id);
}

// The plan for the dict if it is a class's or a module's namespace. That of a module begins with __name__ and holds
// what the import system put there (Lib/importlib/_bootstrap.py: _init_module_attrs). Globals that somebody made for
// exec() do not: they are a dict like any other.
const Namespaces::Plan* FindPlan(Crawl& crawl, Address dict) {
  const Namespaces::Plan* plan = crawl.namespaces().Find(dict);
  if (plan != nullptr && (plan->whole || plan->is_class)) return plan;
  constexpr int kLookAt = 8;
  int seen = 0;
  bool is_module = false;
  (void)VisitDict(crawl.runtime(), crawl.memory(), dict, [&](Address key, Address) {
    if (!crawl.IsText(key)) return false;
    if (seen == 0) {
      const Name& first = crawl.NameAt(key);
      if (!first.problem.ok() || first.text != "__name__") return false;
    } else {
      const Name& name = crawl.NameAt(key);
      is_module = name.problem.ok() && (name.text == "__spec__" || name.text == "__loader__");
    }
    return ++seen < kLookAt && !is_module;
  });
  if (!is_module) return nullptr;
  return plan != nullptr ? plan : &crawl.namespaces().unnamed();
}

absl::Status DecodeNamespace(Crawl& crawl, Address dict, const Namespaces::Plan& plan, proto::Object& out) {
  proto::Mapping& mapping = *out.mutable_mapping();
  uint64_t position = 0;
  uint64_t omitted = 0;
  const absl::Status status = VisitDict(crawl.runtime(), crawl.memory(), dict, [&](Address key, Address value) {
    if (crawl.CanDescend() && crawl.namespaces().Wants(crawl, plan, key, value, position)) {
      AddEntry(crawl, key, value, /*has_names=*/false, mapping);
    } else {
      ++omitted;
    }
    ++position;
    return true;
  });
  mapping.set_omitted(omitted);
  return status;
}

}  // namespace

absl::Status DecodeDict(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  if (const Namespaces::Plan* plan = FindPlan(crawl, object)) return DecodeNamespace(crawl, object, *plan, out);
  ASSIGN_OR_RETURN(const uint64_t length, ReadDictLength(crawl.runtime(), crawl.memory(), object));
  proto::Mapping& mapping = *out.mutable_mapping();
  const bool has_names = crawl.HasNames(object);
  const uint64_t granted = crawl.GrantItems(length, kBytesPerEntry);
  uint64_t count = 0;
  bool cut = false;
  bool torn = false;
  absl::Status status = VisitDict(crawl.runtime(), crawl.memory(), object, [&](Address key, Address value) {
    torn = count == length;  // it is in its table, and not counted yet
    cut = !torn && (count == granted || !crawl.CanDescend());
    if (torn || cut) return false;
    ++count;
    AddEntry(crawl, key, value, has_names, mapping);
    return true;
  });
  if (torn) status = absl::AbortedError(absl::StrFormat("caught while it changed: its length is still %d", length));
  if (cut) crawl.MarkCut(out, length);
  if (!status.ok() && !cut) out.set_length(length);
  return status;
}

// The order is kept in a list of nodes beside the dict (Objects/odictobject.c).
absl::Status DecodeOrderedDict(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyODictObject;
  const auto& node_layout = crawl.layout()._odictnode;
  ASSIGN_OR_RETURN(const uint64_t length, ReadDictLength(crawl.runtime(), crawl.memory(), object));
  proto::Mapping& mapping = *out.mutable_mapping();
  constexpr uint64_t kBytes = 2 * kBytesPerEntry;
  const uint64_t granted = crawl.GrantItems(length, kBytes);
  if (granted < length) crawl.MarkCut(out, length);
  absl::flat_hash_map<Address, Address> values;
  absl::Status status = VisitDict(crawl.runtime(), crawl.memory(), object, [&](Address key, Address value) {
    values.emplace(key, value);
    return true;
  });
  ASSIGN_OR_RETURN(Address node, crawl.memory().ReadPointer(object + layout.od_first));
  uint64_t count = 0;
  for (; node && count < granted; ++count) {
    if (!crawl.CanDescend()) {
      crawl.MarkCut(out, length);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Address key, crawl.memory().ReadPointer(node + node_layout.key));
    const auto it = values.find(key);
    if (it == values.end()) break;
    AddEntry(crawl, key, it->second, /*has_names=*/false, mapping);
    ASSIGN_OR_RETURN(node, crawl.memory().ReadPointer(node + node_layout.next));
  }
  if (status.ok() && (count != granted || (node && granted == length))) {
    status =
        absl::AbortedError(absl::StrFormat("caught while it changed: %d in order, its length is %d", count, length));
  }
  if (!status.ok()) out.set_length(length);
  return status;
}

}  // namespace pysnap
