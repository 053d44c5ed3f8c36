#include "snapshotter/native/unwinder.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/native/taken_stacks.h"
#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;
using testing::TakenStacks;

volatile bool parked = true;

[[gnu::noinline]] void Park() {
  Child::Ready();
  while (parked) pause();
}

[[gnu::noinline]] int Recurse(int depth) {
  volatile char local[64] = {};
  if (depth <= 1) {
    Park();
    return local[0];
  }
  const int result = Recurse(depth - 1) + local[depth % 64];
  asm volatile("" ::: "memory");  // no tail call
  return result;
}

TEST(UnwinderTest, FollowsAStackToItsEnd) {
  Child child([] { Recurse(100); });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.Unwind();
  EXPECT_TRUE(stack.end.ok()) << stack.end;
  EXPECT_EQ(taken.Count(stack, &Recurse), 100u);
  EXPECT_EQ(taken.Count(stack, &Park), 1u);
  EXPECT_EQ(stack.frames[0].pc, taken.registers()[0].pc);
  EXPECT_FALSE(stack.frames[0].after_call);
  EXPECT_TRUE(stack.frames[1].after_call);
  const Module* innermost = taken.modules().Find(stack.frames[0].pc);
  ASSERT_NE(innermost, nullptr);
  EXPECT_THAT(innermost->path, ::testing::HasSubstr("libc"));
  EXPECT_FALSE(innermost->build_id.empty());
}

TEST(UnwinderTest, TheStackStaysWhenTheProcessIsGone) {
  auto child = std::make_unique<Child>([] { Recurse(10); });
  TakenStacks taken(child->pid());
  child.reset();
  const NativeStack stack = taken.Unwind();
  EXPECT_TRUE(stack.end.ok()) << stack.end;
  EXPECT_EQ(taken.Count(stack, &Recurse), 10u);
}

TEST(UnwinderTest, FollowsEveryThread) {
  Child child([] {
    std::vector<std::thread> threads;
    int ends[2];
    if (pipe(ends) != 0) _exit(9);
    for (int i = 0; i < 5; ++i) {
      threads.emplace_back([&] {
        if (write(ends[1], "x", 1) != 1) _exit(9);
        while (true) pause();
      });
    }
    for (int i = 0; i < 5; ++i) {
      char byte;
      if (read(ends[0], &byte, 1) != 1) _exit(9);
    }
    Park();
  });
  TakenStacks taken(child.pid());
  ASSERT_EQ(taken.registers().size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    const NativeStack stack = taken.Unwind(i);
    EXPECT_TRUE(stack.end.ok()) << i << ": " << stack.end;
    EXPECT_GE(stack.frames.size(), 4u);
  }
}

TEST(UnwinderTest, SaysWhereItHadToStop) {
  Child child([] { Recurse(100); });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.unwinder().Unwind(taken.registers()[0], 10);
  EXPECT_EQ(stack.frames.size(), 10u);
  EXPECT_TRUE(absl::IsResourceExhausted(stack.end)) << stack.end;
}

TEST(UnwinderTest, AStackLargerThanIsKeptEndsWithItsReason) {
  Child child([] {
    // 33 MiB in use, of 64.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size_t{64} << 20);
    pthread_t thread;
    pthread_create(
        &thread, &attributes,
        [](void*) -> void* {
          char large[33 << 20];
          asm volatile("" ::"r"(large) : "memory");  // whatever the optimizer thinks of it
          Recurse(10);
          return nullptr;
        },
        nullptr);
    while (true) pause();
  });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.Unwind(1);
  EXPECT_TRUE(absl::IsOutOfRange(stack.end)) << stack.end;
  EXPECT_EQ(taken.Count(stack, &Recurse), 10u);
}

void OnSignal(int) {
  Park();
  asm volatile("" ::: "memory");  // no tail call
}

[[gnu::noinline]] void Interrupted() {
  raise(SIGUSR1);
  asm volatile("" ::: "memory");
}

TEST(UnwinderTest, FollowsASignalHandlerIntoWhatItInterrupted) {
  Child child([] {
    signal(SIGUSR1, OnSignal);
    Interrupted();
  });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.Unwind();
  EXPECT_TRUE(stack.end.ok()) << stack.end;
  EXPECT_EQ(taken.Count(stack, &OnSignal), 1u);
  EXPECT_EQ(taken.Count(stack, &Interrupted), 1u);
  size_t trampolines = 0;
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    if (!stack.frames[i].is_signal_trampoline) continue;
    ++trampolines;
    ASSERT_LT(i + 1, stack.frames.size());
    EXPECT_FALSE(stack.frames[i + 1].after_call);
  }
  EXPECT_EQ(trampolines, 1u);
}

void HandleOnAnotherStack() {
  static char memory[1 << 16];
  const stack_t stack = {.ss_sp = memory, .ss_flags = 0, .ss_size = sizeof(memory)};
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  Interrupted();
}

TEST(UnwinderTest, FollowsAHandlerOnAStackOfItsOwn) {
  Child main_thread(HandleOnAnotherStack);
  Child other_thread([] { std::thread(HandleOnAnotherStack).join(); });
  for (const auto& [child, thread] : {std::pair(&main_thread, size_t{0}), std::pair(&other_thread, size_t{1})}) {
    TakenStacks taken(child->pid());
    const NativeStack stack = taken.Unwind(thread);
    EXPECT_TRUE(stack.end.ok()) << stack.end;
    EXPECT_EQ(taken.Count(stack, &OnSignal), 1u);
    EXPECT_EQ(taken.Count(stack, &Interrupted), 1u);
  }
}

TEST(UnwinderTest, CodeWithoutUnwindInformationEndsTheStack) {
  // A function of its own making: calls what it is given, keeping rbp as a frame pointer that must not be followed.
  Child child([] {
    const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof(code));
    reinterpret_cast<void (*)(void (*)())>(page)(&Park);
  });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.Unwind();
  EXPECT_TRUE(absl::IsNotFound(stack.end)) << stack.end;
  EXPECT_THAT(std::string(stack.end.message()), ::testing::HasSubstr("generated code"));
  EXPECT_EQ(taken.Count(stack, &Park), 1u);
  EXPECT_EQ(taken.modules().Find(stack.frames.back().pc), nullptr);
}

[[gnu::noinline]] void SpinInVdso() {
  Child::Ready();
  timespec now;
  while (true) clock_gettime(CLOCK_MONOTONIC, &now);
}

TEST(UnwinderTest, LooksUpTheVdso) {
  Child child(SpinInVdso);
  // Somewhere in the loop: the vdso is met sooner or later.
  bool met = false;
  for (int i = 0; i < 200 && !met; ++i) {
    TakenStacks taken(child.pid());
    const NativeStack stack = taken.Unwind();
    EXPECT_TRUE(stack.end.ok()) << stack.end;
    EXPECT_EQ(taken.Count(stack, &SpinInVdso), 1u);
    const Module* module = taken.modules().Find(stack.frames[0].pc);
    ASSERT_NE(module, nullptr);
    met = module->path == "[vdso]";
  }
  EXPECT_TRUE(met);
}

TEST(UnwinderTest, AnOverflowingStackIsFollowedWhole) {
  // What is left of 8 MiB when 7 are in use by frames.
  Child child([] {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size_t{8} << 20);
    pthread_t thread;
    pthread_create(
        &thread, &attributes,
        [](void*) -> void* {
          Recurse(30'000);
          return nullptr;
        },
        nullptr);
    while (true) pause();
  });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.Unwind(1);
  EXPECT_TRUE(stack.end.ok()) << stack.end;
  EXPECT_EQ(taken.Count(stack, &Recurse), 30'000u);
}

void ParkInCallback(void*) { Park(); }

class IndexlessTest : public ::testing::TestWithParam<const char*> {};

// Libraries whose unwind information is in .debug_frame only, or in an .eh_frame without .eh_frame_hdr.
TEST_P(IndexlessTest, UnwindInformationIsFoundWithoutALinkersIndex) {
  Child child([] {
    void* library = dlopen((std::string(PYSNAP_NATIVE_FIXTURES) + "/" + GetParam()).c_str(), RTLD_NOW);
    if (library == nullptr) _exit(9);
    auto* enter = reinterpret_cast<int (*)(void (*)(void*), void*)>(dlsym(library, "native_fixture_enter"));
    Recurse(1 + enter(ParkInCallback, nullptr));
  });
  TakenStacks taken(child.pid());
  const NativeStack stack = taken.Unwind();
  EXPECT_TRUE(stack.end.ok()) << stack.end;
  size_t in_library = 0;
  for (const NativeFrame& frame : stack.frames) {
    const Module* module = taken.modules().Find(frame.pc);
    ASSERT_NE(module, nullptr);
    if (module->path.find(GetParam()) == std::string::npos) continue;
    ++in_library;
    const AddressRange function = taken.unwinder().FunctionAround(frame.instruction());
    EXPECT_TRUE(function.contains(frame.instruction()));
  }
  EXPECT_EQ(in_library, 2u);
  EXPECT_EQ(taken.Count(stack, &Park), 1u);
}

INSTANTIATE_TEST_SUITE_P(Libraries,
                         IndexlessTest,
                         ::testing::Values("libnative_fixture_debug_frame.so", "libnative_fixture_no_index.so"),
                         [](const auto& info) {
                           return std::string(info.param).find("debug") != std::string::npos ? "DebugFrame" : "NoIndex";
                         });

// Memory over another one, with some bytes replaced.
class CorruptedMemory : public Memory {
 public:
  CorruptedMemory(Memory& memory, Address begin, uint64_t size, uint32_t seed)
      : memory_(memory), begin_(begin), size_(size), random_(seed) {
    for (int i = 0; i < 64; ++i) {
      const uint64_t at = random_() % size_ / 8 * 8;
      // A pointer into the stack, into code, or anything.
      const uint64_t value = (uint64_t{random_()} << 32) | random_();
      switch (random_() % 3) {
        case 0:
          words_[begin_.value() + at] = begin_.value() + value % size_;
          break;
        case 1:
          words_[begin_.value() + at] = reinterpret_cast<uint64_t>(&Recurse) + value % 64;
          break;
        default:
          words_[begin_.value() + at] = value;
      }
    }
  }
  absl::Status Read(Address address, absl::Span<std::byte> out) override {
    if (const auto it = words_.find(address.value()); it != words_.end() && out.size() == 8) {
      std::memcpy(out.data(), &it->second, 8);
      return absl::OkStatus();
    }
    return memory_.Read(address, out);
  }

 private:
  Memory& memory_;
  Address begin_;
  uint64_t size_;
  std::mt19937 random_;
  std::map<uint64_t, uint64_t> words_;
};

TEST(UnwinderTest, CorruptedStacksEnd) {
  Child child([] {
    signal(SIGUSR1, OnSignal);
    Interrupted();
  });
  TakenStacks taken(child.pid());
  for (uint32_t seed = 0; seed < 500; ++seed) {
    CorruptedMemory corrupted(taken.keeper().memory(), taken.registers()[0].sp, 4096, seed);
    Unwinder unwinder(taken.modules(), corrupted);
    const NativeStack stack = unwinder.Unwind(taken.registers()[0]);
    EXPECT_LT(stack.frames.size(), 10'000u);
    for (size_t i = 1; i < stack.frames.size(); ++i) {
      if (stack.frames[i - 1].is_signal_trampoline) continue;
      EXPECT_GT(stack.frames[i].sp, stack.frames[i - 1].sp);
    }
  }
}

TEST(UnwinderTest, HostileRegistersEnd) {
  Child child(Park);
  TakenStacks taken(child.pid());
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    Registers registers = taken.registers()[0];
    for (uint64_t& value : registers.general) {
      if (random() % 2 == 0) value = random() % 3 == 0 ? random() : value + random() % 256;
    }
    EXPECT_LT(taken.unwinder().Unwind(registers).frames.size(), 10'000u);
  }
}

}  // namespace
}  // namespace pysnap
