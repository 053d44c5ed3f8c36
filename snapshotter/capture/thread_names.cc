#include "snapshotter/capture/thread_names.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/text.h"

namespace pysnap {
namespace {

absl::Status ReadNames(const Runtime& runtime,
                       Memory& memory,
                       Address modules,
                       absl::flat_hash_map<uint64_t, NamedThread>& names) {
  using Item = NameLookup::Item;
  NameLookup reader(runtime, memory);
  ASSIGN_OR_RETURN(const std::vector<Item> loaded, reader.Items(modules));
  ASSIGN_OR_RETURN(const Address threading, reader.Find(loaded, "threading"));
  if (threading.is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Address dict, memory.ReadPointer(threading + runtime.layout.PyModuleObject.md_dict));
  ASSIGN_OR_RETURN(const std::vector<Item> globals, reader.Items(dict));
  ASSIGN_OR_RETURN(const Address active, reader.Find(globals, "_active"));
  if (active.is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Item> threads, reader.Items(active));
  for (const auto& [key, thread] : threads) {
    if (key.is_null() || thread.is_null()) continue;
    const absl::StatusOr<uint64_t> ident = reader.Unsigned(key);
    const absl::StatusOr<Address> name = reader.Attribute(thread, "_name");
    if (!ident.ok() || !name.ok() || name->is_null()) continue;
    absl::StatusOr<std::string> text = ReadText(runtime, memory, *name);
    if (text.ok()) names[*ident] = {thread, *std::move(text)};
  }
  return absl::OkStatus();
}

}  // namespace

NamedThread ThreadNames::Find(const Runtime& runtime, Memory& memory, const PythonThread& thread) {
  const auto [it, inserted] = interpreters_.try_emplace(thread.modules);
  if (inserted && !thread.modules.is_null()) {
    // A name that cannot be read is not worth a word: the kernel's stands in for it.
    ReadNames(runtime, memory, thread.modules, it->second).IgnoreError();
  }
  const auto name = it->second.find(thread.ident);
  return name == it->second.end() ? NamedThread() : name->second;
}

}  // namespace pysnap
