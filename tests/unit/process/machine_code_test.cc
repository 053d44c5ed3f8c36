#include "snapshotter/process/machine_code.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "snapshotter/process/architecture.h"

namespace pysnap {
namespace {

constexpr uint64_t kBase = 0x400000;
constexpr uint64_t kText = kBase + 0x1000;

// A program of one segment at a fixed address, whose bytes from kText on are given.
absl::StatusOr<ElfImage> ImageWith(const std::string& code) {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = kElfMachine;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment = {};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_vaddr = kBase;
  segment.p_filesz = segment.p_memsz = kText - kBase + code.size();
  std::string file(kText - kBase, '\0');
  std::memcpy(file.data(), &header, sizeof(header));
  std::memcpy(file.data() + sizeof(header), &segment, sizeof(segment));
  file += code;
  UniqueFd fd(memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), file.data(), file.size()), static_cast<ssize_t>(file.size()));
  return ElfImage::FromFile(std::move(fd));
}

std::string Bytes32(uint64_t value) {
  const auto low = static_cast<uint32_t>(value);
  return std::string(reinterpret_cast<const char*>(&low), sizeof(low));
}

ElfSymbol Function(uint64_t offset, uint64_t size) {
  return {.name = "function", .address = kText + offset, .size = size, .is_data = false};
}

TEST(MachineCodeTest, FindsWhatIsCalled) {
  // mov edi, 1; jmp +6; nop; and 6 bytes further a ret
  auto image = ImageWith(std::string("\xbf\x01\0\0\0\xe9\x06\0\0\0\x90\x90\x90\x90\x90\x90\xc3", 17));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(Calls(*image, Function(0, 10), Function(16, 1)));
  EXPECT_FALSE(Calls(*image, Function(0, 10), Function(15, 1)));
  EXPECT_FALSE(Calls(*image, Function(0, 9), Function(16, 1)));
  EXPECT_FALSE(Calls(*image, Function(0, 0), Function(16, 1)));
  EXPECT_EQ(TailCallOf(*image, Function(0, 10)), kText + 16);
  EXPECT_EQ(TailCallOf(*image, Function(0, 11)), std::nullopt);
  EXPECT_EQ(TailCallOf(*image, Function(1 << 20, 10)), std::nullopt);
}

TEST(MachineCodeTest, FollowsAShortTailCall) {
  // mov esi, 1; jmp +12, and one backwards.
  auto image = ImageWith(std::string("\xbe\x01\0\0\0\xeb\x0c\x90\xeb\xf6", 10));
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(TailCallOf(*image, Function(0, 7)), kText + 19);
  EXPECT_EQ(TailCallOf(*image, Function(7, 3)), kText);
  EXPECT_EQ(TailCallOf(*image, Function(0, 6)), std::nullopt);
}

TEST(MachineCodeTest, FindsWhereATextIsPassed) {
  const std::string text("\0a text\0", 8);
  // lea rdi, [rip + offset], of 7 bytes, and a mov edi, address, of 5
  const std::string relative = "\x48\x8d\x3d" + Bytes32(1);
  const std::string absolute = "\xbf" + Bytes32(kText + 6);
  auto image = ImageWith("\x90" + relative + text);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(*FindPassedText(*image, "a text"), kText + 1);
  image = ImageWith(absolute + text);
  EXPECT_EQ(*FindPassedText(*image, "a text"), kText);
  // Not the beginning of a text, nor the end of one, nor one that nobody uses.
  EXPECT_FALSE(FindPassedText(*image, "a tex").ok());
  EXPECT_FALSE(FindPassedText(*image, "text").ok());
  EXPECT_FALSE(FindPassedText(*ImageWith("\xbf" + Bytes32(kText + 5) + text), "a text").ok());
  // Two texts, or two places: it is not known which.
  EXPECT_FALSE(FindPassedText(*ImageWith(absolute + text + text), "a text").ok());
  EXPECT_FALSE(
      FindPassedText(*ImageWith("\xbf" + Bytes32(kText + 11) + "\xbf" + Bytes32(kText + 11) + text), "a text").ok());
}

}  // namespace
}  // namespace pysnap
