// An ELF executable or shared library, read from its file or, when the file is gone, from a process that has it mapped.
//
//   ASSIGN_OR_RETURN(ElfImage image, ElfImage::FromFile(std::move(fd)));
//   ASSIGN_OR_RETURN(std::optional<ElfSymbol> symbol, image.FindSymbol("_PyRuntime"));
//   Address address = *image.LoadBias(mapping) + symbol->address;
//
// Works without section headers (stripped of them, or read from memory) by what the dynamic segment says; with them,
// the static symbol table and named sections can be had as well. The file is hostile: everything is bounded.
#ifndef PYSNAP_PROCESS_ELF_IMAGE_H_
#define PYSNAP_PROCESS_ELF_IMAGE_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/base/unique_fd.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/process/target.h"

namespace pysnap {

// A defined symbol. `address` is before relocation, as all addresses in an image.
struct ElfSymbol {
  absl::string_view name;  // valid during the call that passes it
  uint64_t address = 0;
  uint64_t size = 0;
  bool is_data = false;
};

struct ElfSegment {
  uint64_t file_offset = 0;
  uint64_t address = 0;
  uint64_t file_size = 0;
  uint64_t memory_size = 0;
  bool writable = false;
  bool executable = false;
};

struct ElfSection {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t size = 0;
  bool compressed = false;
};

class ElfImage {
 public:
  // InvalidArgument when it is no ELF file; Unimplemented when it is for another machine; DataLoss when it is damaged.
  static absl::StatusOr<ElfImage> FromFile(UniqueFd fd);
  // From where the process has the file's first page mapped. `memory` outlives the image.
  static absl::StatusOr<ElfImage> FromMemory(Memory& memory, Address first_page);

  // The loadable segments, in the order of the program headers.
  const std::vector<ElfSegment>& segments() const { return segments_; }
  // What is to be added to an address in the image, given the mapping of its first loadable segment. NotFound when it
  // is not that mapping. (A file that is also mapped as mere data has several that look like it.)
  absl::StatusOr<int64_t> LoadBias(const Mapping& mapping) const;

  // An exported symbol, by the hash table where there is one. Nothing when it is not defined here.
  absl::StatusOr<std::optional<ElfSymbol>> FindSymbol(absl::string_view name);
  // Every exported symbol that is defined here.
  absl::Status ForEachSymbol(absl::FunctionRef<void(const ElfSymbol&)> visit);
  // Every symbol of the static table (.symtab) that is defined here; none when it was stripped.
  absl::Status ForEachStaticSymbol(absl::FunctionRef<void(const ElfSymbol&)> visit);

  // The function whose address the dynamic loader puts into this word for a stub of the procedure linkage table
  // (DT_JMPREL); empty when there is none.
  absl::StatusOr<std::string> FunctionOfSlot(uint64_t address);
  // Bytes at an address of the image, within its segments' file contents.
  absl::Status ReadAddress(uint64_t address, absl::Span<std::byte> out) const;

  absl::StatusOr<std::optional<ElfSection>> FindSection(absl::string_view name);
  // The .eh_frame_hdr, which leads to the unwind information; nothing when there is none.
  std::optional<ElfSection> FindUnwindTable() const;
  // The build id as lowercase hex digits; empty when there is none.
  std::string BuildId();

 private:
  // Where the bytes come from.
  class Source;
  struct DynamicTables {
    uint64_t symbols = 0;
    uint64_t strings = 0;
    uint64_t strings_size = 0;
    uint64_t gnu_hash = 0;
    uint64_t hash = 0;
    uint64_t slots = 0;
    uint64_t slots_size = 0;
  };

  explicit ElfImage(std::shared_ptr<Source> source) : source_(std::move(source)) {}

  absl::Status ReadHeaders();
  absl::Status ReadDynamic();
  absl::Status ReadSectionHeaders();
  absl::StatusOr<std::string> SymbolName(uint32_t offset, size_t limit) const;
  // How many entries the dynamic symbol table has, which only the hash tables tell.
  absl::StatusOr<uint32_t> CountSymbols() const;
  absl::StatusOr<std::optional<uint32_t>> GnuHashLookup(absl::string_view name) const;
  absl::Status VisitTable(absl::Span<const Elf64_Sym> symbols,
                          absl::string_view strings,
                          absl::FunctionRef<void(const ElfSymbol&)> visit) const;

  std::shared_ptr<Source> source_;
  Elf64_Ehdr header_ = {};
  std::vector<Elf64_Phdr> program_headers_;
  std::vector<ElfSegment> segments_;
  std::optional<DynamicTables> dynamic_;  // absent before it is read, and in a static executable
  bool dynamic_read_ = false;
  std::vector<Elf64_Shdr> section_headers_;
  std::string section_names_;
  bool sections_read_ = false;
};

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_ELF_IMAGE_H_
