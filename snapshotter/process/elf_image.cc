#include "snapshotter/process/elf_image.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/process/architecture.h"

namespace pysnap {
namespace {

// Limits on what a file may claim. The largest libraries in use have some 300,000 exported symbols and 50 MB of names.
constexpr uint32_t kMaxProgramHeaders = 512;
constexpr uint32_t kMaxSymbols = 4u << 20;
constexpr uint64_t kMaxStrings = 256u << 20;
constexpr uint64_t kMaxSectionNames = 4u << 20;
constexpr uint64_t kMaxDynamicEntries = 4096;
constexpr size_t kMaxSymbolName = 4096;
constexpr uint64_t kMaxNotes = 64u << 10;
constexpr uint64_t kMaxHeaders = 64u << 10;
constexpr uint64_t kPageSize = 4096;

absl::Status Damaged(absl::string_view what) { return absl::DataLossError(absl::StrCat("damaged ELF file: ", what)); }

template <typename T>
absl::Span<std::byte> BytesOf(T& value) {
  return absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(T));
}

template <typename Vector>
absl::Span<std::byte> BytesOfAll(Vector& values) {
  return absl::MakeSpan(reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(values[0]));
}

uint32_t GnuHash(absl::string_view name) {
  uint32_t hash = 5381;
  for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

}  // namespace

class ElfImage::Source {
 public:
  virtual ~Source() = default;
  virtual absl::Status ReadFileOffset(uint64_t offset, absl::Span<std::byte> out) = 0;
  // Bytes at an address of the image; OutOfRange where this source knows no better than the segments.
  virtual bool has_addresses() const { return false; }
  virtual absl::Status ReadImageAddress(uint64_t, absl::Span<std::byte>) {
    return absl::OutOfRangeError("not in memory");
  }
  // What was added to the pointers of the dynamic segment: glibc relocates them in place.
  virtual uint64_t bias() const { return 0; }
  virtual void set_bias(uint64_t) {}
  // An upper bound of the contents, so that no claim of the file makes us allocate more than it has.
  virtual uint64_t size() const = 0;
};

absl::StatusOr<ElfImage> ElfImage::FromFile(UniqueFd fd) {
  class FileSource : public Source {
   public:
    FileSource(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), size_(size) {}
    absl::Status ReadFileOffset(uint64_t offset, absl::Span<std::byte> out) override {
      if (offset > size_ || out.size() > size_ - offset) return Damaged("it ends early");
      size_t done = 0;
      while (done < out.size()) {
        const ssize_t n = pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return absl::ErrnoToStatus(errno, "cannot read an ELF file");
        if (n == 0) return Damaged("it ends early");
        done += static_cast<size_t>(n);
      }
      return absl::OkStatus();
    }
    uint64_t size() const override { return size_; }

   private:
    UniqueFd fd_;
    uint64_t size_;
  };

  struct stat status;
  if (fstat(fd.get(), &status) != 0) return absl::ErrnoToStatus(errno, "cannot stat an ELF file");
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError("not a regular file");
  ElfImage image(std::make_shared<FileSource>(std::move(fd), static_cast<uint64_t>(status.st_size)));
  RETURN_IF_ERROR(image.ReadHeaders());
  return image;
}

absl::StatusOr<ElfImage> ElfImage::FromMemory(Memory& memory, Address first_page) {
  class MemorySource : public Source {
   public:
    MemorySource(Memory& memory, Address first_page) : memory_(memory), first_page_(first_page) {}
    // Only the headers are read by offset; they are in the first page.
    absl::Status ReadFileOffset(uint64_t offset, absl::Span<std::byte> out) override {
      if (offset >= kMaxHeaders || out.size() > kMaxHeaders - offset) return absl::OutOfRangeError("not in memory");
      return memory_.Read(first_page_ + static_cast<int64_t>(offset), out);
    }
    bool has_addresses() const override { return true; }
    absl::Status ReadImageAddress(uint64_t address, absl::Span<std::byte> out) override {
      return memory_.Read(Address(address + bias_), out);
    }
    uint64_t bias() const override { return bias_; }
    void set_bias(uint64_t bias) override { bias_ = bias; }
    uint64_t size() const override { return kMaxStrings; }

   private:
    Memory& memory_;
    Address first_page_;
    uint64_t bias_ = 0;
  };

  ElfImage image(std::make_shared<MemorySource>(memory, first_page));
  RETURN_IF_ERROR(image.ReadHeaders());
  Mapping mapping;
  mapping.range.begin = first_page;
  mapping.file_offset = 0;
  ASSIGN_OR_RETURN(int64_t bias, image.LoadBias(mapping));
  image.source_->set_bias(static_cast<uint64_t>(bias));
  return image;
}

absl::Status ElfImage::ReadHeaders() {
  if (absl::Status read = source_->ReadFileOffset(0, BytesOf(header_)); !read.ok()) {
    return absl::InvalidArgumentError("not an ELF file");
  }
  if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) return absl::InvalidArgumentError("not an ELF file");
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB ||
      header_.e_machine != kElfMachine) {
    return absl::UnimplementedError(absl::StrCat("it is a program for another machine than ", kArchitectureName));
  }
  if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0 || header_.e_phnum > kMaxProgramHeaders) {
    return Damaged("bad program headers");
  }
  program_headers_.resize(header_.e_phnum);
  RETURN_IF_ERROR(source_->ReadFileOffset(header_.e_phoff, BytesOfAll(program_headers_)));
  for (const Elf64_Phdr& program : program_headers_) {
    if (program.p_type != PT_LOAD) continue;
    segments_.push_back({.file_offset = program.p_offset,
                         .address = program.p_vaddr,
                         .file_size = program.p_filesz,
                         .memory_size = program.p_memsz,
                         .writable = (program.p_flags & PF_W) != 0,
                         .executable = (program.p_flags & PF_X) != 0});
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ElfImage::LoadBias(const Mapping& mapping) const {
  // A mapping begins at a page boundary, its segment perhaps later within that page. Further segments are no help: two
  // may share a page of the file.
  if (segments_.empty() || mapping.file_offset != (segments_[0].file_offset & ~(kPageSize - 1))) {
    return absl::NotFoundError("not the mapping of the first loadable segment");
  }
  return static_cast<int64_t>(mapping.range.begin.value() - (segments_[0].address & ~(kPageSize - 1)));
}

absl::Status ElfImage::ReadAddress(uint64_t address, absl::Span<std::byte> out) const {
  if (source_->has_addresses()) return source_->ReadImageAddress(address, out);
  for (const ElfSegment& segment : segments_) {
    const uint64_t within = address - segment.address;
    if (address < segment.address || within >= segment.file_size || out.size() > segment.file_size - within) continue;
    return source_->ReadFileOffset(segment.file_offset + within, out);
  }
  return Damaged("an address is in no segment");
}

absl::Status ElfImage::ReadDynamic() {
  if (dynamic_read_) return absl::OkStatus();
  dynamic_read_ = true;
  for (const Elf64_Phdr& program : program_headers_) {
    if (program.p_type != PT_DYNAMIC) continue;
    const uint64_t count = std::min<uint64_t>(program.p_memsz / sizeof(Elf64_Dyn), kMaxDynamicEntries);
    DynamicTables tables;
    std::vector<Elf64_Dyn> entries(count);
    RETURN_IF_ERROR(ReadAddress(program.p_vaddr, BytesOfAll(entries)));
    // In memory glibc has added the bias to the pointers; below it, it has not (musl).
    const auto unrelocated = [&](uint64_t pointer) {
      return pointer >= source_->bias() ? pointer - source_->bias() : pointer;
    };
    for (const Elf64_Dyn& entry : entries) {
      if (entry.d_tag == DT_NULL) break;
      switch (entry.d_tag) {
        case DT_SYMTAB:
          tables.symbols = unrelocated(entry.d_un.d_ptr);
          break;
        case DT_STRTAB:
          tables.strings = unrelocated(entry.d_un.d_ptr);
          break;
        case DT_STRSZ:
          tables.strings_size = entry.d_un.d_val;
          break;
        case DT_GNU_HASH:
          tables.gnu_hash = unrelocated(entry.d_un.d_ptr);
          break;
        case DT_HASH:
          tables.hash = unrelocated(entry.d_un.d_ptr);
          break;
        case DT_JMPREL:
          tables.slots = unrelocated(entry.d_un.d_ptr);
          break;
        case DT_PLTRELSZ:
          tables.slots_size = entry.d_un.d_val;
          break;
      }
    }
    if (tables.symbols == 0 || tables.strings == 0 || (tables.gnu_hash == 0 && tables.hash == 0))
      return absl::OkStatus();
    if (tables.strings_size > kMaxStrings) return Damaged("its symbols' names are too long");
    dynamic_ = tables;
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ElfImage::SymbolName(uint32_t offset, size_t limit) const {
  if (offset >= dynamic_->strings_size) return Damaged("a symbol has no name");
  std::string name(std::min<uint64_t>(limit, dynamic_->strings_size - offset), '\0');
  RETURN_IF_ERROR(ReadAddress(dynamic_->strings + offset, BytesOfAll(name)));
  return name.substr(0, name.find('\0'));
}

absl::StatusOr<std::optional<uint32_t>> ElfImage::GnuHashLookup(absl::string_view name) const {
  uint32_t head[4];  // buckets, first hashed symbol, words of the Bloom filter, its shift
  RETURN_IF_ERROR(ReadAddress(dynamic_->gnu_hash, BytesOf(head)));
  const auto [bucket_count, first, bloom_words, shift] = head;
  if (bucket_count == 0 || bloom_words == 0) return std::optional<uint32_t>();
  const uint32_t hash = GnuHash(name);
  uint64_t word;
  RETURN_IF_ERROR(ReadAddress(dynamic_->gnu_hash + 16 + uint64_t{hash / 64 % bloom_words} * 8, BytesOf(word)));
  const uint64_t mask = (uint64_t{1} << (hash % 64)) | (uint64_t{1} << (hash >> (shift % 32) & 63));
  if ((word & mask) != mask) return std::optional<uint32_t>();
  const uint64_t buckets = dynamic_->gnu_hash + 16 + uint64_t{bloom_words} * 8;
  uint32_t index;
  RETURN_IF_ERROR(ReadAddress(buckets + uint64_t{hash % bucket_count} * 4, BytesOf(index)));
  if (index < first) return std::optional<uint32_t>();
  const uint64_t chain = buckets + uint64_t{bucket_count} * 4;
  for (uint32_t step = 0; step < kMaxSymbols; ++step, ++index) {
    uint32_t entry;
    RETURN_IF_ERROR(ReadAddress(chain + uint64_t{index - first} * 4, BytesOf(entry)));
    if ((entry | 1) == (hash | 1)) {
      Elf64_Sym symbol;
      RETURN_IF_ERROR(ReadAddress(dynamic_->symbols + uint64_t{index} * sizeof(symbol), BytesOf(symbol)));
      ASSIGN_OR_RETURN(std::string found, SymbolName(symbol.st_name, name.size() + 1));
      if (found == name) return std::optional<uint32_t>(index);
    }
    if (entry & 1) return std::optional<uint32_t>();
  }
  return Damaged("its hash table has no end");
}

absl::StatusOr<std::optional<ElfSymbol>> ElfImage::FindSymbol(absl::string_view name) {
  RETURN_IF_ERROR(ReadDynamic());
  std::optional<ElfSymbol> found;
  if (!dynamic_) return found;
  if (dynamic_->gnu_hash == 0) {
    RETURN_IF_ERROR(ForEachSymbol([&](const ElfSymbol& symbol) {
      if (symbol.name == name) found = symbol;
    }));
  } else {
    ASSIGN_OR_RETURN(std::optional<uint32_t> index, GnuHashLookup(name));
    if (!index) return found;
    Elf64_Sym symbol;
    RETURN_IF_ERROR(ReadAddress(dynamic_->symbols + uint64_t{*index} * sizeof(symbol), BytesOf(symbol)));
    if (symbol.st_shndx == SHN_UNDEF) return found;
    found = ElfSymbol{.name = name,
                      .address = symbol.st_value,
                      .size = symbol.st_size,
                      .is_data = ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT};
  }
  if (found) found->name = name;
  return found;
}

absl::StatusOr<uint32_t> ElfImage::CountSymbols() const {
  if (dynamic_->hash != 0) {
    uint32_t head[2];  // buckets, chains: one for each symbol
    RETURN_IF_ERROR(ReadAddress(dynamic_->hash, BytesOf(head)));
    if (head[1] > kMaxSymbols) return Damaged("too many symbols");
    return head[1];
  }
  uint32_t head[4];
  RETURN_IF_ERROR(ReadAddress(dynamic_->gnu_hash, BytesOf(head)));
  const auto [bucket_count, first, bloom_words, shift] = head;
  if (bucket_count > kMaxSymbols || uint64_t{bucket_count} * 4 > source_->size()) return Damaged("too many symbols");
  std::vector<uint32_t> buckets(bucket_count);
  const uint64_t buckets_at = dynamic_->gnu_hash + 16 + uint64_t{bloom_words} * 8;
  RETURN_IF_ERROR(ReadAddress(buckets_at, BytesOfAll(buckets)));
  // The chain of the last bucket ends with the last symbol.
  uint32_t index = buckets.empty() ? 0 : *std::max_element(buckets.begin(), buckets.end());
  if (index < first) return first;
  if (index > kMaxSymbols) return Damaged("too many symbols");
  const uint64_t chain = buckets_at + uint64_t{bucket_count} * 4;
  for (; index < kMaxSymbols; ++index) {
    uint32_t entry;
    RETURN_IF_ERROR(ReadAddress(chain + uint64_t{index - first} * 4, BytesOf(entry)));
    if (entry & 1) return index + 1;
  }
  return Damaged("too many symbols");
}

absl::Status ElfImage::VisitTable(absl::Span<const Elf64_Sym> symbols,
                                  absl::string_view strings,
                                  absl::FunctionRef<void(const ElfSymbol&)> visit) const {
  for (const Elf64_Sym& symbol : symbols) {
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_name == 0 || symbol.st_name >= strings.size()) continue;
    const absl::string_view rest = strings.substr(symbol.st_name);
    const size_t length = rest.find('\0');
    if (length == absl::string_view::npos) continue;
    visit(ElfSymbol{.name = rest.substr(0, length),
                    .address = symbol.st_value,
                    .size = symbol.st_size,
                    .is_data = ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT});
  }
  return absl::OkStatus();
}

absl::Status ElfImage::ForEachSymbol(absl::FunctionRef<void(const ElfSymbol&)> visit) {
  RETURN_IF_ERROR(ReadDynamic());
  if (!dynamic_) return absl::OkStatus();
  ASSIGN_OR_RETURN(uint32_t count, CountSymbols());
  if (uint64_t{count} * sizeof(Elf64_Sym) > source_->size()) return Damaged("too many symbols");
  if (dynamic_->strings_size > source_->size()) return Damaged("its symbols' names are too long");
  std::vector<Elf64_Sym> symbols(count);
  RETURN_IF_ERROR(ReadAddress(dynamic_->symbols, BytesOfAll(symbols)));
  std::string strings(dynamic_->strings_size, '\0');
  RETURN_IF_ERROR(ReadAddress(dynamic_->strings, BytesOfAll(strings)));
  return VisitTable(symbols, strings, visit);
}

absl::StatusOr<std::string> ElfImage::FunctionOfSlot(uint64_t address) {
  RETURN_IF_ERROR(ReadDynamic());
  if (!dynamic_ || dynamic_->slots == 0) return std::string();
  const uint64_t count = dynamic_->slots_size / sizeof(Elf64_Rela);
  if (count > kMaxSymbols || dynamic_->slots_size > source_->size()) return Damaged("too many relocations");
  std::vector<Elf64_Rela> slots(count);
  RETURN_IF_ERROR(ReadAddress(dynamic_->slots, BytesOfAll(slots)));
  const auto slot =
      std::find_if(slots.begin(), slots.end(), [address](const Elf64_Rela& each) { return each.r_offset == address; });
  if (slot == slots.end() || ELF64_R_TYPE(slot->r_info) != kElfSlotRelocation) return std::string();
  Elf64_Sym symbol;
  RETURN_IF_ERROR(ReadAddress(dynamic_->symbols + ELF64_R_SYM(slot->r_info) * sizeof(symbol), BytesOf(symbol)));
  return SymbolName(symbol.st_name, kMaxSymbolName);
}

absl::Status ElfImage::ReadSectionHeaders() {
  if (sections_read_) return absl::OkStatus();
  sections_read_ = true;
  if (source_->has_addresses() || header_.e_shoff == 0 || header_.e_shnum == 0) return absl::OkStatus();
  if (header_.e_shentsize != sizeof(Elf64_Shdr) || header_.e_shstrndx >= header_.e_shnum) {
    return Damaged("bad section headers");
  }
  std::vector<Elf64_Shdr> headers(header_.e_shnum);
  RETURN_IF_ERROR(source_->ReadFileOffset(header_.e_shoff, BytesOfAll(headers)));
  const Elf64_Shdr& names = headers[header_.e_shstrndx];
  if (names.sh_size > kMaxSectionNames) return Damaged("its sections' names are too long");
  section_names_.resize(names.sh_size);
  RETURN_IF_ERROR(source_->ReadFileOffset(names.sh_offset, BytesOfAll(section_names_)));
  section_headers_ = std::move(headers);
  return absl::OkStatus();
}

absl::Status ElfImage::ForEachStaticSymbol(absl::FunctionRef<void(const ElfSymbol&)> visit) {
  RETURN_IF_ERROR(ReadSectionHeaders());
  for (const Elf64_Shdr& section : section_headers_) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= section_headers_.size()) continue;
    const Elf64_Shdr& names = section_headers_[section.sh_link];
    if (section.sh_size / sizeof(Elf64_Sym) > kMaxSymbols || section.sh_size > source_->size() ||
        names.sh_size > source_->size() || names.sh_size > kMaxStrings) {
      return Damaged("too many symbols");
    }
    std::vector<Elf64_Sym> symbols(section.sh_size / sizeof(Elf64_Sym));
    RETURN_IF_ERROR(source_->ReadFileOffset(section.sh_offset, BytesOfAll(symbols)));
    std::string strings(names.sh_size, '\0');
    RETURN_IF_ERROR(source_->ReadFileOffset(names.sh_offset, BytesOfAll(strings)));
    return VisitTable(symbols, strings, visit);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ElfSection>> ElfImage::FindSection(absl::string_view name) {
  RETURN_IF_ERROR(ReadSectionHeaders());
  const absl::string_view names = section_names_;
  for (const Elf64_Shdr& section : section_headers_) {
    if (section.sh_name >= names.size()) continue;
    const absl::string_view rest = names.substr(section.sh_name);
    if (rest.substr(0, rest.find('\0')) != name) continue;
    return std::optional<ElfSection>(ElfSection{.address = section.sh_addr,
                                                .file_offset = section.sh_offset,
                                                .size = section.sh_size,
                                                .compressed = (section.sh_flags & SHF_COMPRESSED) != 0});
  }
  return std::optional<ElfSection>();
}

std::optional<ElfSection> ElfImage::FindUnwindTable() const {
  for (const Elf64_Phdr& program : program_headers_) {
    if (program.p_type != PT_GNU_EH_FRAME) continue;
    return ElfSection{
        .address = program.p_vaddr, .file_offset = program.p_offset, .size = program.p_memsz, .compressed = false};
  }
  return std::nullopt;
}

std::string ElfImage::BuildId() {
  for (const Elf64_Phdr& program : program_headers_) {
    if (program.p_type != PT_NOTE || program.p_filesz > kMaxNotes) continue;
    std::string notes(program.p_filesz, '\0');
    if (!ReadAddress(program.p_vaddr, BytesOfAll(notes)).ok()) continue;
    // Each note: header, name and description, both padded to four bytes.
    uint64_t at = 0;
    while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data() + at, sizeof(note));
      const uint64_t name = at + sizeof(note);
      const uint64_t description = name + (uint64_t{note.n_namesz} + 3) / 4 * 4;
      if (description > notes.size() || note.n_descsz > notes.size() - description) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && notes.compare(name, 4, "GNU", 4) == 0) {
        return absl::BytesToHexString(notes.substr(description, note.n_descsz));
      }
      at = description + (uint64_t{note.n_descsz} + 3) / 4 * 4;
    }
  }
  return "";
}

}  // namespace pysnap
