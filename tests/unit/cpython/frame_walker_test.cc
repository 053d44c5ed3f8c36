#include "snapshotter/cpython/frame_walker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "snapshotter/cpython/threads.h"
#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

using testing::Arena;
using testing::FakeRuntime;

struct Build {
  const VersionSupport* version;
  bool debug;
};

std::vector<Build> AllBuilds() {
  std::vector<Build> builds;
  for (const VersionSupport* version : AllVersionSupports()) {
    builds.push_back({version, false});
    if (version->debug != nullptr) builds.push_back({version, true});
  }
  return builds;
}

class FrameWalkerTest : public ::testing::TestWithParam<Build> {
 protected:
  const Layout& layout() const { return GetParam().debug ? *GetParam().version->debug : *GetParam().version->release; }

  Arena arena_{8 << 20};
  FakeRuntime fake_{*GetParam().version, layout(), arena_};
  CodeReader code_reader_{fake_.runtime, arena_};
  FrameWalker walker_{fake_.runtime, arena_, code_reader_};
};

INSTANTIATE_TEST_SUITE_P(AllBuilds, FrameWalkerTest, ::testing::ValuesIn(AllBuilds()), [](const auto& info) {
  return "Minor" + std::to_string(info.param.version->minor) + (info.param.debug ? "Debug" : "");
});

TEST_P(FrameWalkerTest, ReadsAChainInnermostFirst) {
  const Address code = fake_.Code();
  const Address value = fake_.Object("PyCell_Type", 64);
  const Address cell = fake_.Object("PyCell_Type", 64);
  const Address outer = fake_.Frame(code, 2, value, cell);
  const Address inner = fake_.Frame(code, 5, Address(), cell);
  fake_.Link(inner, outer);
  const FrameChain chain = walker_.WalkThread(fake_.Thread(inner));
  ASSERT_TRUE(chain.truncated.ok()) << chain.truncated;
  ASSERT_EQ(chain.frames.size(), 2u);
  EXPECT_EQ(chain.frames[0].address, inner);
  EXPECT_EQ(chain.frames[0].lasti, 10);
  EXPECT_EQ(chain.frames[1].address, outer);
  EXPECT_EQ(chain.frames[1].lasti, 4);
  for (const FrameInfo& frame : chain.frames) {
    EXPECT_TRUE(frame.problem.ok()) << frame.problem;
    EXPECT_FALSE(frame.stack_known);
  }
  EXPECT_THAT(chain.frames[0].slots, ::testing::ElementsAre(Address(), Address(), cell));
  EXPECT_THAT(chain.frames[1].slots, ::testing::ElementsAre(value, Address(), cell));
  const CodeInfo& info = *chain.frames[0].code;
  EXPECT_EQ(info.first_line, 7);
  EXPECT_EQ(info.parameter_count(), 1u);
  EXPECT_EQ(info.variables.size(), 3u);
  EXPECT_EQ(static_cast<uint8_t>(info.variable_kinds[2]), kVariableFree);
}

TEST_P(FrameWalkerTest, EndsAChainThatReturnsToItself) {
  const Address code = fake_.Code();
  const Address outer = fake_.Frame(code, 2, Address(), Address());
  const Address inner = fake_.Frame(code, 2, Address(), Address());
  fake_.Link(inner, outer);
  fake_.Link(outer, inner);
  const FrameChain chain = walker_.WalkThread(fake_.Thread(inner));
  EXPECT_EQ(chain.frames.size(), 2u);
  EXPECT_EQ(chain.truncated.code(), absl::StatusCode::kDataLoss);
}

TEST_P(FrameWalkerTest, KeepsWhatItReadOfAChainThatLeadsNowhere) {
  const Address frame = fake_.Frame(fake_.Code(), 2, Address(), Address());
  fake_.Link(frame, Address(0xdead0000));
  const FrameChain chain = walker_.WalkThread(fake_.Thread(frame));
  EXPECT_EQ(chain.frames.size(), 1u);
  EXPECT_EQ(chain.truncated.code(), absl::StatusCode::kOutOfRange);
}

TEST_P(FrameWalkerTest, OneBadFrameDoesNotVoidTheOthers) {
  const Address outer = fake_.Frame(fake_.Code(), 2, Address(), Address());
  const Address inner = fake_.Frame(Address(0xdead0000), 2, Address(), Address());
  fake_.Link(inner, outer);
  const FrameChain chain = walker_.WalkThread(fake_.Thread(inner));
  ASSERT_EQ(chain.frames.size(), 2u);
  EXPECT_FALSE(chain.frames[0].problem.ok());
  EXPECT_EQ(chain.frames[0].code, nullptr);
  EXPECT_TRUE(chain.frames[1].problem.ok());
}

TEST_P(FrameWalkerTest, RefusesAnInstructionOutsideTheCode) {
  const Address frame = fake_.Frame(fake_.Code(), 4000, Address(), Address());
  const FrameChain chain = walker_.WalkThread(fake_.Thread(frame));
  ASSERT_EQ(chain.frames.size(), 1u);
  EXPECT_EQ(chain.frames[0].problem.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(chain.frames[0].code, nullptr);
}

TEST_P(FrameWalkerTest, WalksTwentyThousandFrames) {
  const Address code = fake_.Code();
  Address frame;
  constexpr int kFrames = 20'000;
  for (int i = 0; i < kFrames; ++i) {
    const Address next = fake_.Frame(code, 2, Address(), Address());
    fake_.Link(next, frame);
    frame = next;
    if (layout()._PyInterpreterFrame.localsplus == kNoOffset && i == 5'000) break;  // these frames are large
  }
  const FrameChain chain = walker_.WalkThread(fake_.Thread(frame));
  EXPECT_TRUE(chain.truncated.ok()) << chain.truncated;
  EXPECT_GE(chain.frames.size(), 5'000u);
}

TEST_P(FrameWalkerTest, ListsThreadsOnceEvenInACorruptedList) {
  const auto& layouts = layout();
  const Address interpreter = arena_.Allocate(1 << 18);
  const Address thread = fake_.Thread(Address());
  const Address item = arena_.Allocate(64);
  const Address exception = fake_.Object("PyCell_Type", 64);
  fake_.Set(fake_.runtime.py_runtime, layouts._PyRuntimeState.interpreters_head, interpreter);
  fake_.Set(interpreter, layouts.PyInterpreterState.threads_head, thread);
  fake_.Set(thread, layouts.PyThreadState.next, thread);
  fake_.SetValue<uint64_t>(thread, layouts.PyThreadState.thread_id, 77);
  fake_.SetValue<uint64_t>(fake_.runtime.py_runtime, layouts._PyRuntimeState.main_thread, 77);
  fake_.Set(thread, layouts.PyThreadState.exc_info, item);
  fake_.Set(item, layouts._PyErr_StackItem.exc_value, exception);
  const PythonThreadList list = ListPythonThreads(fake_.runtime, arena_);
  ASSERT_EQ(list.threads.size(), 1u);
  EXPECT_EQ(list.problems.size(), 1u);
  EXPECT_EQ(list.threads[0].ident, 77u);
  EXPECT_TRUE(list.threads[0].is_main);
  EXPECT_EQ(list.threads[0].handling, exception);
}

}  // namespace
}  // namespace pysnap
