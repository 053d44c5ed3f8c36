#include "snapshotter/supervise/loader.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <string>

#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/proc_files.h"

namespace pysnap {
namespace {

constexpr size_t kMaxHeaders = 512;
constexpr size_t kMaxDynamicEntries = 4096;
constexpr size_t kMaxLibraries = 100'000;
constexpr size_t kMaxPath = 4096;

// The value of an entry of the auxiliary vector (getauxval(3)).
absl::StatusOr<uint64_t> AuxiliaryValue(const LiveTarget& target, uint64_t type) {
  ASSIGN_OR_RETURN(const std::string vector, ReadFileAt(target.proc_dir(), "auxv", 65536));
  Elf64_auxv_t entry;
  for (size_t at = 0; at + sizeof(entry) <= vector.size(); at += sizeof(entry)) {
    std::memcpy(&entry, vector.data() + at, sizeof(entry));
    if (entry.a_type == type) return entry.a_un.a_val;
  }
  return absl::NotFoundError(absl::StrFormat("the auxiliary vector has no entry %d", type));
}

}  // namespace

absl::StatusOr<Address> FindEntryPoint(const LiveTarget& target) {
  ASSIGN_OR_RETURN(const uint64_t entry, AuxiliaryValue(target, AT_ENTRY));
  return Address(entry);
}

absl::StatusOr<LoaderHook> FindLoaderHook(LiveTarget& target) {
  Memory& memory = target.memory();
  ASSIGN_OR_RETURN(const uint64_t headers, AuxiliaryValue(target, AT_PHDR));
  ASSIGN_OR_RETURN(const uint64_t count, AuxiliaryValue(target, AT_PHNUM));
  if (count > kMaxHeaders) return absl::DataLossError("too many program headers");
  uint64_t bias = 0;
  uint64_t dynamic = 0;
  bool has_dynamic = false;
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const Elf64_Phdr header, memory.ReadValue<Elf64_Phdr>(Address(headers + i * sizeof(Elf64_Phdr))));
    if (header.p_type == PT_PHDR) bias = headers - header.p_vaddr;
    if (header.p_type == PT_DYNAMIC) {
      dynamic = header.p_vaddr;
      has_dynamic = true;
    }
  }
  if (!has_dynamic) return absl::NotFoundError("the program is linked statically");
  for (uint64_t i = 0; i < kMaxDynamicEntries; ++i) {
    ASSIGN_OR_RETURN(const Elf64_Dyn entry,
                     memory.ReadValue<Elf64_Dyn>(Address(bias + dynamic + i * sizeof(Elf64_Dyn))));
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag != DT_DEBUG) continue;
    if (entry.d_un.d_ptr == 0) break;
    ASSIGN_OR_RETURN(const r_debug debug, memory.ReadValue<r_debug>(Address(entry.d_un.d_ptr)));
    if (debug.r_brk == 0) break;
    return LoaderHook{.function = Address(debug.r_brk), .debug = Address(entry.d_un.d_ptr)};
  }
  return absl::NotFoundError("the dynamic loader does not tell what it loads");
}

absl::StatusOr<std::vector<std::string>> LoadedLibraries::TakeNew(Memory& memory, const LoaderHook& hook) {
  std::vector<std::string> paths;
  ASSIGN_OR_RETURN(const r_debug debug, memory.ReadValue<r_debug>(hook.debug));
  if (debug.r_state != r_debug::RT_CONSISTENT) return paths;
  const auto read = [&memory](const void* at) {
    return memory.ReadValue<link_map>(Address(reinterpret_cast<uint64_t>(at)));
  };
  // It is no longer in the list when it was unloaded.
  const void* next = debug.r_map;
  if (!last_.is_null()) {
    ASSIGN_OR_RETURN(const link_map last, memory.ReadValue<link_map>(last_));
    const absl::StatusOr<link_map> previous = read(last.l_prev);
    if (previous.ok() && Address(reinterpret_cast<uint64_t>(previous->l_next)) == last_) next = last.l_next;
  }
  for (size_t count = 0; next != nullptr; ++count) {
    if (count == kMaxLibraries) return absl::DataLossError("the list of libraries does not end");
    ASSIGN_OR_RETURN(const link_map library, read(next));
    last_ = Address(reinterpret_cast<uint64_t>(next));
    // The program itself has none.
    const absl::StatusOr<std::string> path =
        memory.ReadCString(Address(reinterpret_cast<uint64_t>(library.l_name)), kMaxPath);
    if (path.ok() && !path->empty()) paths.push_back(*path);
    next = library.l_next;
  }
  return paths;
}

}  // namespace pysnap
