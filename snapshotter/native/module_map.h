// The programs and libraries that a process has mapped, with where their unwind information is.
//
//   std::unique_ptr<ModuleMap> modules = ModuleMap::Read(*target);
//   const Module* module = modules->Find(pc);
//
// Reading costs the target nothing: it is done before it is stopped, and what is read later comes from the files, or
// from copies made here, so that the process need not be there any more.
#ifndef PYSNAP_NATIVE_MODULE_MAP_H_
#define PYSNAP_NATIVE_MODULE_MAP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/memory/page_cache.h"
#include "snapshotter/process/target.h"

namespace pysnap {

struct Module {
  // As the target sees it; "[vdso]".
  std::string path;
  // Lowercase hex digits; empty when it has none.
  std::string build_id;
  // What is added to an address in the file to get the one in memory.
  uint64_t bias = 0;
  AddressRange range;
  // In memory. Nothing: the module has none.
  std::optional<AddressRange> unwind_table;
  // A file with its contents; not ok when the file could not be opened.
  UniqueFd file;
};

class ModuleMap {
 public:
  // Reads what target.mappings() says. A file that cannot be opened is read from the target's memory; one that is no
  // ELF file that can be read is left out.
  static std::unique_ptr<ModuleMap> Read(Target& target);

  ModuleMap(const ModuleMap&) = delete;
  ModuleMap& operator=(const ModuleMap&) = delete;

  const std::vector<Module>& modules() const { return modules_; }
  const std::vector<Mapping>& mappings() const { return mappings_; }
  // The module that has `address` in its range; null when there is none.
  const Module* Find(Address address) const;
  // The mapping that holds `address`; null when there is none.
  const Mapping* FindMapping(Address address) const;

  // The beginning of `size` bytes behind `range`, at most 1 GiB from its end, where nothing is mapped; null when there
  // is no such place.
  Address FindGap(AddressRange range, uint64_t size) const;

  // Bytes that the process cannot have changed: of segments that are mapped read-only. OutOfRange for all others.
  absl::Status ReadConstant(Address address, absl::Span<std::byte> out);
  // Bytes as the module's file has them. The process may have others there by now.
  absl::Status ReadInitial(Address address, absl::Span<std::byte> out);

 private:
  // A part of a module that is mapped.
  struct Piece {
    AddressRange range;
    size_t module = 0;
    uint64_t file_offset = 0;
    bool constant = false;
    // The bytes themselves, where there is no file.
    std::vector<std::byte> copy;
  };
  // The pieces as memory.
  class PieceMemory : public Memory {
   public:
    explicit PieceMemory(const ModuleMap& map) : map_(map) {}
    absl::Status Read(Address address, absl::Span<std::byte> out) override;

   private:
    const ModuleMap& map_;
  };

  ModuleMap() = default;

  void AddFile(Target& target, const std::vector<const Mapping*>& mappings);
  void AddFromMemory(Target& target, const std::vector<const Mapping*>& mappings);
  const Piece* FindPiece(Address address) const;

  std::vector<Mapping> mappings_;
  std::vector<Module> modules_;
  std::vector<Piece> pieces_;  // sorted by address
  std::vector<size_t> by_address_;
  PieceMemory piece_memory_{*this};
  PageCache pages_{piece_memory_};
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_MODULE_MAP_H_
