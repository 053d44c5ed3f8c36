#include "snapshotter/cpython/thread_locals.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/text.h"

namespace pysnap {
namespace {

// Its tp_name, 3.8 to 3.15.
constexpr char kTypeName[] = "_thread._local";
// A PyThreadState is smaller, whatever a target says of it.
constexpr Offset kMaxThreadSize = 1 << 14;

absl::StatusOr<bool> IsThreadLocal(const Runtime& runtime, Memory& memory, Address object) {
  ASSIGN_OR_RETURN(const Address type, memory.ReadPointer(object + runtime.layout.PyObject.ob_type));
  ASSIGN_OR_RETURN(std::vector<Address> classes, ReadMro(runtime, memory, type));
  classes.push_back(type);
  for (const Address each : classes) {
    ASSIGN_OR_RETURN(const Address name, memory.ReadPointer(each + runtime.layout.PyTypeObject.tp_name));
    ASSIGN_OR_RETURN(const std::string text, memory.ReadCString(name, kMaxNameLength));
    if (text == kTypeName) return true;
  }
  return false;
}

// What stands for the thread that a key of `localdicts` belongs to (Modules/_threadmodule.c, _local_create_dummy and
// create_localsdict): to 3.12 the key is a weak reference to it, then it is the key.
absl::StatusOr<Address> StandInOf(const Runtime& runtime, Memory& memory, Address key) {
  ASSIGN_OR_RETURN(const bool is_weak, IsInstance(runtime, memory, key, runtime.Symbol("_PyWeakref_RefType")));
  return is_weak ? memory.ReadPointer(key + runtime.layout.PyWeakReference.wr_object) : key;
}

// Adds what only this thread refers to: to 3.12 its dict does, and has an own one for each threading.local; then
// PyThreadState.threading_local_key, whose place moves between micro versions: no other field of a thread leads to it.
absl::Status AddReferred(const Runtime& runtime,
                         Memory& memory,
                         const PythonThread& thread,
                         absl::flat_hash_map<Address, uint64_t>& idents) {
  const auto& layout = runtime.layout.PyThreadState;
  if (layout.base_size > 0 && layout.base_size <= kMaxThreadSize) {
    std::vector<uint64_t> words;
    RETURN_IF_ERROR(memory.ReadArray(thread.state, static_cast<size_t>(layout.base_size) / sizeof(uint64_t), words));
    for (const uint64_t word : words) {
      if (word != 0) idents.try_emplace(Address(word), thread.ident);
    }
  }
  ASSIGN_OR_RETURN(const Address dict, memory.ReadPointer(thread.state + layout.dict));
  if (dict.is_null()) return absl::OkStatus();
  NameLookup lookup(runtime, memory);
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(dict));
  for (const auto& [name, value] : items) idents[value] = thread.ident;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ThreadLocalDict>> ReadThreadLocals(const Runtime& runtime,
                                                              Memory& memory,
                                                              Address local,
                                                              const std::vector<const PythonThread*>& threads) {
  ASSIGN_OR_RETURN(const bool is_local, IsThreadLocal(runtime, memory, local));
  if (!is_local) return absl::DataLossError("what should be a threading.local is none");
  std::vector<ThreadLocalDict> found;
  ASSIGN_OR_RETURN(const Address dicts, memory.ReadPointer(local + runtime.layout.localobject.localdicts));
  if (dicts.is_null()) return found;
  NameLookup lookup(runtime, memory);
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(dicts));
  absl::flat_hash_map<Address, uint64_t> idents;  // by what stands for a thread
  // What cannot be read of a thread leaves it unknown whose dict it is, and no more.
  for (const PythonThread* thread : threads) AddReferred(runtime, memory, *thread, idents).IgnoreError();
  for (const auto& [key, dict] : items) {
    const auto thread = idents.find(StandInOf(runtime, memory, key).value_or(Address()));
    found.push_back({.thread_ident = thread == idents.end() ? 0 : thread->second, .dict = dict});
  }
  return found;
}

}  // namespace pysnap
