#include "snapshotter/cpython/greenlet_search.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/gc_objects.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/subtype.h"

namespace pysnap {
namespace {

// A bound on what a corrupted target may claim.
constexpr size_t kMaxGreenlets = 10'000'000;
constexpr size_t kMaxTypeName = 64;

constexpr char kTypeName[] = "greenlet.greenlet";

// Of one interpreter.
class Search {
 public:
  Search(const Runtime& runtime, Memory& memory, const GreenletStructs& structs, const PythonThread& thread)
      : runtime_(runtime),
        memory_(memory),
        structs_(structs),
        thread_(thread),
        collector_(runtime, memory, thread.interpreter) {}

  FoundGreenlets Find(const OldGreenlets& old) {
    if (!Begin()) return std::move(found_);
    const auto known = old.interpreters.find(thread_.interpreter);
    bool holds = false;
    if (known != old.interpreters.end()) {
      const absl::StatusOr<std::string> mark = collector_.OldListsMark();
      holds = mark.ok() && *mark == known->second.mark;
    }
    if (holds) holds = AddKnown(known->second.objects);
    Check(Look(holds ? GcLists::kYoung : GcLists::kAll));
    return Finish();
  }

  // Not OK where there is no greenlet, or a list was not followed to its end. The mark comes first: whatever changes
  // while the lists are looked through changes it.
  absl::StatusOr<OldGreenlets::OfInterpreter> FindOld() {
    OldGreenlets::OfInterpreter old;
    ASSIGN_OR_RETURN(old.mark, collector_.OldListsMark());
    if (!Begin()) return absl::NotFoundError("greenlet is not imported");
    RETURN_IF_ERROR(Look(GcLists::kOld));
    FoundGreenlets found = Finish();
    if (!found.problems.empty()) return found.problems.front();
    old.objects = std::move(found.objects);
    return old;
  }

 private:
  void Check(const absl::Status& status) {
    if (!status.ok()) found_.problems.push_back(status);
  }

  bool Begin() {
    const absl::StatusOr<Address> type = FindType();
    Check(type.status());
    type_ = type.value_or(Address());
    found_.is_imported = !type_.is_null();
    return found_.is_imported;
  }

  absl::Status Look(GcLists lists) {
    return collector_.Visit(lists, [this](Address object, Address type) { Consider(object, type); });
  }

  // Those that are still there. False when that cannot be told of one: a thread may have been stopped while it took its
  // neighbour out of the list, when only the way onwards is whole.
  bool AddKnown(const std::vector<Address>& objects) {
    const auto& layout = runtime_.layout.PyObject;
    for (const Address object : objects) {
      const absl::StatusOr<Address> type = memory_.ReadPointer(object + layout.ob_type);
      if (!type.ok()) continue;
      if (collector_.Contains(object)) {
        Consider(object, *type);
        continue;
      }
      // What is gone has no references left, or its memory holds something else.
      const absl::StatusOr<int64_t> references = memory_.ReadValue<int64_t>(object + layout.ob_refcnt);
      const absl::StatusOr<bool> is_greenlet = IsSubtype(runtime_, memory_, *type, type_);
      if (references.ok() && *references != 0 && is_greenlet.ok() && *is_greenlet) return false;
    }
    return true;
  }

  void Consider(Address object, Address type) {
    const auto [known, inserted] = types_.try_emplace(type, false);
    if (inserted) {
      const absl::StatusOr<bool> extends = IsSubtype(runtime_, memory_, type, type_);
      known->second = extends.ok() && *extends;
      if (!extends.ok() && broken_.ok()) broken_ = extends.status();
    }
    if (known->second && found_.objects.size() < kMaxGreenlets) found_.objects.push_back(object);
  }

  FoundGreenlets Finish() {
    if (!broken_.ok()) Check(absl::Status(broken_.code(), absl::StrCat("a type of an object: ", broken_.message())));
    std::vector<Address>& objects = found_.objects;
    if (objects.size() == kMaxGreenlets) Check(absl::ResourceExhaustedError("more greenlets than pysnap lists"));
    std::sort(objects.begin(), objects.end());
    objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
    return std::move(found_);
  }

  // Null when it is not imported.
  absl::StatusOr<Address> FindType() {
    if (thread_.modules.is_null()) return Address();
    NameLookup lookup(runtime_, memory_);
    ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> modules, lookup.Items(thread_.modules));
    for (const char* name : {"greenlet._greenlet", "greenlet"}) {
      ASSIGN_OR_RETURN(const Address module, lookup.Find(modules, name));
      if (module.is_null()) continue;
      // A program may put anything there.
      ASSIGN_OR_RETURN(const bool is_module, IsInstance(runtime_, memory_, module, runtime_.Symbol("PyModule_Type")));
      if (!is_module) continue;
      ASSIGN_OR_RETURN(const Address dict, memory_.ReadPointer(module + runtime_.layout.PyModuleObject.md_dict));
      ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(dict));
      ASSIGN_OR_RETURN(const Address type, lookup.Find(items, "greenlet"));
      if (type.is_null()) continue;
      ASSIGN_OR_RETURN(const bool is_type, IsInstance(runtime_, memory_, type, runtime_.Symbol("PyType_Type")));
      if (!is_type) continue;
      ASSIGN_OR_RETURN(const Address name_at, memory_.ReadPointer(type + runtime_.layout.PyTypeObject.tp_name));
      const absl::StatusOr<std::string> type_name = memory_.ReadCString(name_at, kMaxTypeName);
      if (!type_name.ok() || *type_name != kTypeName) continue;
      ASSIGN_OR_RETURN(const int64_t size,
                       memory_.ReadValue<int64_t>(type + runtime_.layout.PyTypeObject.tp_basicsize));
      if (structs_.problem.empty() && size != structs_.object_size) {
        return absl::DataLossError(absl::StrFormat("greenlet's type has %d bytes, where its debug information has %d",
                                                   size, structs_.object_size));
      }
      return type;
    }
    return Address();
  }

  const Runtime& runtime_;
  Memory& memory_;
  const GreenletStructs& structs_;
  const PythonThread& thread_;
  GcObjects collector_;
  Address type_;
  absl::flat_hash_map<Address, bool> types_;  // whether they are greenlet's type, or extend it
  absl::Status broken_;
  FoundGreenlets found_;
};

}  // namespace

OldGreenlets FindOldGreenlets(const Runtime& runtime,
                              Memory& memory,
                              const GreenletStructs& structs,
                              const std::vector<PythonThread>& threads) {
  OldGreenlets old;
  absl::flat_hash_set<Address> seen;
  for (const PythonThread& thread : threads) {
    if (thread.interpreter.is_null() || !seen.insert(thread.interpreter).second) continue;
    absl::StatusOr<OldGreenlets::OfInterpreter> found = Search(runtime, memory, structs, thread).FindOld();
    if (found.ok()) old.interpreters.emplace(thread.interpreter, *std::move(found));
  }
  return old;
}

FoundGreenlets FindGreenlets(const Runtime& runtime,
                             Memory& memory,
                             const GreenletStructs& structs,
                             const PythonThread& thread,
                             const OldGreenlets& old) {
  return Search(runtime, memory, structs, thread).Find(old);
}

}  // namespace pysnap
