#include "snapshotter/process/elf_image.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "snapshotter/memory/process_memory.h"

namespace pysnap {
namespace {

// The C library of this very process: a real shared library with everything in it.
class Libc {
 public:
  Libc() {
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(&getpid), &info) == 0) return;
    path = info.dli_fname;
    base = Address(reinterpret_cast<uint64_t>(info.dli_fbase));
    getpid_address = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "getpid"));
  }
  std::string path;
  Address base;
  uint64_t getpid_address = 0;
};

UniqueFd FileWith(const std::string& contents) {
  UniqueFd fd(memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), contents.data(), contents.size()), static_cast<ssize_t>(contents.size()));
  return fd;
}

// Everything that can be asked of an image.
void AskEverything(ElfImage& image) {
  size_t symbols = 0;
  (void)image.FindSymbol("getpid");
  (void)image.FindSymbol("");
  (void)image.ForEachSymbol([&](const ElfSymbol& symbol) { symbols += symbol.name.size(); });
  (void)image.ForEachStaticSymbol([&](const ElfSymbol& symbol) { symbols += symbol.name.size(); });
  (void)image.FunctionOfSlot(0);
  (void)image.FindSection(".text");
  (void)image.BuildId();
  (void)image.LoadBias(Mapping());
}

TEST(ElfImageTest, ReadsALibraryFromItsFile) {
  const Libc libc;
  absl::StatusOr<ElfImage> image = ElfImage::FromFile(UniqueFd(open(libc.path.c_str(), O_RDONLY | O_CLOEXEC)));
  ASSERT_TRUE(image.ok()) << image.status();
  Mapping mapping;
  mapping.range.begin = libc.base;
  const absl::StatusOr<int64_t> bias = image->LoadBias(mapping);
  ASSERT_TRUE(bias.ok()) << bias.status();
  const absl::StatusOr<std::optional<ElfSymbol>> symbol = image->FindSymbol("getpid");
  ASSERT_TRUE(symbol.ok() && symbol->has_value()) << symbol.status();
  EXPECT_EQ((*symbol)->address + static_cast<uint64_t>(*bias), libc.getpid_address);
  EXPECT_FALSE((*symbol)->is_data);
  EXPECT_FALSE(image->FindSymbol("no_such_function")->has_value());
  std::set<std::string> names;
  EXPECT_TRUE(image->ForEachSymbol([&](const ElfSymbol& s) { names.insert(std::string(s.name)); }).ok());
  EXPECT_GT(names.size(), 1000u);
  EXPECT_TRUE(names.count("getpid"));
  // The hash table finds what going through the table finds.
  size_t checked = 0;
  for (const std::string& name : names) {
    if (++checked % 50 == 0) {
      EXPECT_TRUE(image->FindSymbol(name)->has_value()) << name;
    }
  }
  const absl::StatusOr<std::optional<ElfSection>> text = image->FindSection(".text");
  ASSERT_TRUE(text.ok() && text->has_value());
  EXPECT_GT((*text)->size, 0u);
  EXPECT_FALSE(image->FindSection(".no_such_section")->has_value());
  EXPECT_FALSE(image->BuildId().empty());
}

TEST(ElfImageTest, ReadsALibraryFromMemory) {
  const Libc libc;
  ProcessMemory memory(getpid());
  absl::StatusOr<ElfImage> image = ElfImage::FromMemory(memory, libc.base);
  ASSERT_TRUE(image.ok()) << image.status();
  const absl::StatusOr<std::optional<ElfSymbol>> symbol = image->FindSymbol("getpid");
  ASSERT_TRUE(symbol.ok() && symbol->has_value()) << symbol.status();
  EXPECT_EQ(libc.base.value() + (*symbol)->address, libc.getpid_address);
  absl::StatusOr<ElfImage> file = ElfImage::FromFile(UniqueFd(open(libc.path.c_str(), O_RDONLY | O_CLOEXEC)));
  EXPECT_EQ(image->BuildId(), file->BuildId());
  size_t in_memory = 0;
  size_t in_file = 0;
  EXPECT_TRUE(image->ForEachSymbol([&](const ElfSymbol&) { ++in_memory; }).ok());
  EXPECT_TRUE(file->ForEachSymbol([&](const ElfSymbol&) { ++in_file; }).ok());
  EXPECT_EQ(in_memory, in_file);
}

TEST(ElfImageTest, OtherFilesAreRefused) {
  EXPECT_EQ(ElfImage::FromFile(FileWith("")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ElfImage::FromFile(FileWith("#!/bin/sh\n")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ElfImage::FromFile(FileWith(std::string(4096, 'x'))).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ElfImage::FromFile(UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC))).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::string other(4096, '\0');
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS32;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = EM_386;
  std::memcpy(other.data(), &header, sizeof(header));
  EXPECT_EQ(ElfImage::FromFile(FileWith(other)).status().code(), absl::StatusCode::kUnimplemented);
}

// Whatever a file says, reading it ends, with or without an error.
TEST(ElfImageTest, SurvivesDamage) {
  std::ifstream stream(Libc().path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  for (const size_t length :
       {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{500}, size_t{4096}, good.size() / 2, good.size() - 1}) {
    absl::StatusOr<ElfImage> image = ElfImage::FromFile(FileWith(good.substr(0, length)));
    if (image.ok()) AskEverything(*image);
  }
  absl::StatusOr<ElfImage> original = ElfImage::FromFile(FileWith(good));
  ASSERT_TRUE(original.ok());
  // Damage where it matters: headers, the dynamic segment and the hash table are near either end of what is read.
  std::mt19937_64 random(1);
  UniqueFd fd = FileWith(good);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::pair<off_t, std::string>> undo;
    for (int i = 0; i < 4; ++i) {
      const uint64_t area = random() % 3 == 0 ? good.size() : random() % 2 == 0 ? 1024 : 0x20000;
      const size_t at = random() % std::min<uint64_t>(area, good.size() - 8);
      const uint64_t value = random() % 2 == 0 ? random() : ~uint64_t{0};
      undo.emplace_back(static_cast<off_t>(at), good.substr(at, 8));
      ASSERT_EQ(pwrite(fd.get(), &value, 8, static_cast<off_t>(at)), 8);
    }
    absl::StatusOr<ElfImage> image = ElfImage::FromFile(UniqueFd(dup(fd.get())));
    if (image.ok()) AskEverything(*image);
    for (const auto& [at, bytes] : undo) ASSERT_EQ(pwrite(fd.get(), bytes.data(), 8, at), 8);
  }
}

}  // namespace
}  // namespace pysnap
