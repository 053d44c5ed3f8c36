#include "snapshotter/capture/native_stacks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "snapshotter/process/elf_image.h"
#include "snapshotter/process/live_target.h"
#include "snapshotter/process/pause.h"
#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;
using ::testing::Contains;
using ::testing::HasSubstr;

const std::string kLibrary = std::string(PYSNAP_NATIVE_FIXTURES) + "/libnative_fixture.so";

void ParkInCallback(void*) {
  Child::Ready();
  while (true) pause();
}

void RunLibrary(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW);
  if (library == nullptr) _exit(9);
  reinterpret_cast<int (*)(void (*)(void*), void*)>(dlsym(library, "native_fixture_enter"))(ParkInCallback, nullptr);
}

struct Taken {
  std::unique_ptr<LiveTarget> target;
  std::unique_ptr<NativeStacks> stacks;
};

// As a capture does it, up to Decode.
Taken Take(pid_t pid) {
  Taken taken;
  auto target = LiveTarget::Open(pid);
  EXPECT_TRUE(target.ok()) << target.status();
  taken.target = *std::move(target);
  taken.stacks = std::make_unique<NativeStacks>(*taken.target);
  const auto report = PauseAndRead(*taken.target, {}, [&](PausedProcess& paused) {
    std::vector<NativeStacks::Thread> threads;
    for (const PausedThread& thread : paused.threads()) {
      const auto registers = paused.ReadRegisters(thread.thread.tid);
      EXPECT_TRUE(registers.ok()) << registers.status();
      threads.push_back({thread.thread.native_id, *registers});
    }
    taken.stacks->Keep(std::move(threads));
  });
  EXPECT_TRUE(report.ok()) << report.status();
  return taken;
}

std::vector<std::string> NamesOf(const NativeStacks& stacks, const NativeStack& stack) {
  std::vector<std::string> names;
  for (const NativeFrame& frame : stack.frames) {
    for (const NativeFunction& function : stacks.CodeOf(frame).functions) names.push_back(function.name);
  }
  return names;
}

TEST(NativeStacksTest, DecodesWhatItTook) {
  auto child = std::make_unique<Child>([] { RunLibrary(kLibrary); });
  const pid_t pid = child->pid();
  const Taken taken = Take(pid);
  // By then it may be gone.
  child.reset();
  taken.stacks->Decode();
  const NativeStack* stack = taken.stacks->Find(pid);
  ASSERT_NE(stack, nullptr);
  EXPECT_TRUE(stack->end.ok()) << stack->end;
  EXPECT_THAT(NamesOf(*taken.stacks, *stack), Contains(HasSubstr("InlinedInner")));
  EXPECT_THAT(NamesOf(*taken.stacks, *stack), Contains("native_fixture_enter"));
  EXPECT_EQ(taken.stacks->Find(pid + 1), nullptr);
}

// The library with bytes changed in the sections that decoding reads, and the program does not.
std::string Damaged(uint32_t seed) {
  std::ifstream in(kLibrary, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto image = ElfImage::FromFile(UniqueFd(open(kLibrary.c_str(), O_RDONLY | O_CLOEXEC)));
  EXPECT_TRUE(image.ok()) << image.status();
  std::mt19937 random(seed);
  for (const char* name : {".eh_frame", ".eh_frame_hdr", ".debug_info", ".debug_abbrev", ".debug_line", ".debug_str",
                           ".debug_rnglists", ".debug_line_str", ".symtab", ".strtab"}) {
    const auto section = image->FindSection(name);
    if (!section.ok() || !section->has_value() || random() % 2 == 0) continue;
    for (uint64_t i = 0; i < 1 + (*section)->size / 16; ++i) {
      bytes[(*section)->file_offset + random() % (*section)->size] = static_cast<char>(random());
    }
  }
  const std::string path = ::testing::TempDir() + "/pysnap_damaged_" + std::to_string(getpid()) + ".so";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(NativeStacksTest, DamagedLibrariesCostNoMoreThanNamesAndFrames) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const std::string path = Damaged(seed);
    Child child([&] { RunLibrary(path); });
    const Taken taken = Take(child.pid());
    unlink(path.c_str());
    taken.stacks->Decode();
    const NativeStack* stack = taken.stacks->Find(child.pid());
    ASSERT_NE(stack, nullptr);
    // Following it survives whatever the unwind information says; libdw need not.
    EXPECT_FALSE(absl::IsInternal(stack->end)) << seed << ": " << stack->end;
    // Up to the library all is well.
    ASSERT_GE(stack->frames.size(), 2u) << seed << ": " << stack->end;
    EXPECT_THAT(taken.stacks->CodeOf(stack->frames[0]).module->path, HasSubstr("libc")) << seed;
    EXPECT_LT(stack->frames.size(), 1000u);
    for (const NativeFrame& frame : stack->frames) EXPECT_FALSE(taken.stacks->CodeOf(frame).functions.empty());
  }
}

}  // namespace
}  // namespace pysnap
