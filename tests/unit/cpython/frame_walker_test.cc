#include "snapshotter/cpython/frame_walker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

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

// Two evaluations: one that C entered within the other, and a call from Python to Python within the inner one.
TEST_P(FrameWalkerTest, TellsWhichFramesOneEvaluationRuns) {
  const VersionSupport& version = *GetParam().version;
  const Offset is_entry = layout()._PyInterpreterFrame.is_entry;
  const Address code = fake_.Code();
  std::vector<Address> frames;
  for (int i = 0; i < 3; ++i) frames.push_back(fake_.Frame(code, 5, Address(), Address()));
  fake_.Link(frames[0], frames[1]);
  fake_.Link(frames[1], frames[2]);
  fake_.SetValue<uint8_t>(frames[1], is_entry, 1);
  fake_.SetValue<uint8_t>(frames[2], is_entry, 1);
  std::vector<Address> marks(2);
  if (version.has_entry_shims) {
    for (Address& mark : marks) {
      mark = arena_.Allocate(256);
      fake_.SetValue<uint8_t>(mark, layout()._PyInterpreterFrame.owner, 3);
    }
    fake_.Link(frames[1], marks[0]);
    fake_.Link(marks[0], frames[2]);
    fake_.Link(frames[2], marks[1]);
  }
  const bool inlined = version.has_entry_shims || is_entry != kNoOffset;
  const Address thread = fake_.Thread(frames[0]);
  if (version.locate_evaluations != nullptr) {
    marks.assign(inlined ? 2 : 3, Address());
    for (Address& mark : marks) mark = arena_.Allocate(64);
    fake_.Set(thread, layout().PyThreadState.cframe, marks[0]);
    for (size_t i = 0; i < marks.size(); ++i) {
      // The last one leads to the thread state's own, whose link is anything.
      fake_.Set(marks[i], layout()._PyCFrame.previous, i + 1 < marks.size() ? marks[i + 1] : fake_.RootCFrame(thread));
    }
    fake_.Set(fake_.RootCFrame(thread), layout()._PyCFrame.previous, Address(0xdead0000));
    fake_.Set(marks[0], layout()._PyCFrame.current_frame, frames[0]);
  } else if (!version.has_entry_shims) {
    marks.assign(3, Address());
  }

  FrameChain chain = walker_.WalkThread(thread, FakeRuntime::kElsewhere);
  walker_.LocateEvaluations(thread, chain);
  ASSERT_EQ(chain.frames.size(), 3u);
  std::vector<size_t> counts;
  std::vector<Address> addresses;
  size_t first = 0;
  for (const Evaluation& evaluation : chain.evaluations) {
    EXPECT_EQ(evaluation.first_frame, first);
    first += evaluation.frame_count;
    counts.push_back(evaluation.frame_count);
    addresses.push_back(evaluation.stack_address);
  }
  EXPECT_EQ(counts, inlined ? (std::vector<size_t>{2, 1}) : (std::vector<size_t>{1, 1, 1}));
  EXPECT_EQ(addresses, marks);
}

// The thread says its innermost frame in a variable on the C stack, which it links before it fills it in.
class FrameInCFrameTest : public FrameWalkerTest {
 protected:
  void SetUp() override {
    const auto& thread_layout = layout().PyThreadState;
    if (thread_layout.cframe == kNoOffset || layout()._PyCFrame.current_frame == kNoOffset) {
      GTEST_SKIP() << "keeps it in the thread state";
    }
    const auto& chunk_layout = layout()._PyStackChunk;
    fake_.Set(thread_, thread_layout.datastack_chunk, chunk_);
    fake_.SetValue<uint64_t>(chunk_, chunk_layout.size, 4096);
    next_frame_ = chunk_ + chunk_layout.data + 8;
    fake_.Set(thread_, thread_layout.cframe, inner_call_);
    fake_.Set(inner_call_, layout()._PyCFrame.previous, outer_call_);
    fake_.Set(outer_call_, layout()._PyCFrame.previous, fake_.RootCFrame(thread_));
    outer_ = Push(Mark(Address()));
    entry_ = Push(Mark(outer_));
    inner_ = Push(entry_);
    fake_.Set(outer_call_, layout()._PyCFrame.current_frame, outer_);
    SayInnermost(inner_);
    SetTop(next_frame_);
  }

  // A mark of an entry in front of `previous`, for a frame to be linked to; without such marks, just that.
  Address Mark(Address previous) {
    entry_is_next_ = true;
    if (!GetParam().version->has_entry_shims) return previous;
    const Address mark = arena_.Allocate(256);
    fake_.SetValue<uint8_t>(mark, layout()._PyInterpreterFrame.owner, 3);
    fake_.Link(mark, previous);
    return mark;
  }
  Address Push(Address previous) {
    const Address frame = next_frame_;
    next_frame_ = next_frame_ + layout()._PyInterpreterFrame.localsplus + (3 + 4) * 8;
    Fill(frame, previous);
    return frame;
  }
  void Fill(Address frame, Address previous) {
    const auto& frame_layout = layout()._PyInterpreterFrame;
    fake_.Set(frame, frame_layout.f_executable, code_);
    fake_.Set(frame, frame_layout.prev_instr, code_ + layout().PyCodeObject.co_code_adaptive + 4);
    fake_.SetValue<int32_t>(frame, frame_layout.stacktop, -1);
    fake_.SetValue<uint8_t>(frame, frame_layout.is_entry, entry_is_next_ ? 1 : 0);
    fake_.Link(frame, previous);
    entry_is_next_ = false;
  }
  void SayInnermost(Address frame) { fake_.Set(inner_call_, layout()._PyCFrame.current_frame, frame); }
  void SetTop(Address top) { fake_.Set(thread_, layout().PyThreadState.datastack_top, top); }

  std::vector<Address> Walked(std::optional<Address> pc = FakeRuntime::kInLoop) {
    const FrameChain chain = walker_.WalkThread(thread_, pc);
    status_ = chain.truncated;
    std::vector<Address> frames;
    for (const FrameInfo& frame : chain.frames) frames.push_back(frame.address);
    return frames;
  }

  const Address thread_ = fake_.Thread(Address());
  const Address chunk_ = arena_.Allocate(4096);
  const Address inner_call_ = arena_.Allocate(64);
  const Address outer_call_ = arena_.Allocate(64);
  const Address code_ = CodeOfThreeSlots();
  Address next_frame_;
  bool entry_is_next_ = false;
  Address outer_;
  Address entry_;
  Address inner_;
  absl::Status status_;

 private:
  Address CodeOfThreeSlots() {
    const Address code = fake_.Code();
    fake_.SetValue<int32_t>(code, layout().PyCodeObject.co_nlocalsplus, 3);
    return code;
  }
};

INSTANTIATE_TEST_SUITE_P(AllBuilds, FrameInCFrameTest, ::testing::ValuesIn(AllBuilds()), [](const auto& info) {
  return "Minor" + std::to_string(info.param.version->minor) + (info.param.debug ? "Debug" : "");
});

TEST_P(FrameInCFrameTest, IsBelievedWhenAllAgrees) {
  EXPECT_THAT(Walked(), ::testing::ElementsAre(inner_, entry_, outer_));
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(Walked(std::nullopt), ::testing::ElementsAre(inner_, entry_, outer_));
}

TEST_P(FrameInCFrameTest, LeavesOutFramesThatAreLeft) {
  SetTop(inner_);
  EXPECT_THAT(Walked(), ::testing::ElementsAre(entry_, outer_));
  SetTop(entry_);
  EXPECT_THAT(Walked(), ::testing::ElementsAre(outer_));
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_P(FrameInCFrameTest, IsNotBelievedBeforeItIsSet) {
  const Address elsewhere = arena_.Allocate(256);
  Fill(elsewhere, outer_);
  for (const Address stale : {Address(), Address(0xdead0000), outer_, elsewhere, code_}) {
    SayInnermost(stale);
    EXPECT_THAT(Walked(), ::testing::IsEmpty()) << stale.value();
    EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable) << stale.value();
  }
  // The link is not set either.
  SayInnermost(inner_);
  for (const Address stale : {Address(), Address(0xdead0000), inner_call_, fake_.RootCFrame(thread_)}) {
    fake_.Set(inner_call_, layout()._PyCFrame.previous, stale);
    EXPECT_THAT(Walked(), ::testing::IsEmpty()) << stale.value();
    EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable) << stale.value();
  }
}

TEST_P(FrameInCFrameTest, IsNotBelievedWhenTheCallBeforeItIsStaleToo) {
  // Nothing that is alive is said to be in the call, and what it is said to be entered from agrees with that.
  if (!GetParam().version->has_entry_shims) return;
  const Address stale_call = arena_.Allocate(64);
  fake_.Set(inner_call_, layout()._PyCFrame.previous, stale_call);
  const Address outermost = Push(Mark(outer_));
  for (const Address stale : {Address(1), outer_, entry_, outermost, Address()}) {
    fake_.Set(stale_call, layout()._PyCFrame.current_frame, stale);
    SayInnermost(Mark(stale));
    EXPECT_THAT(Walked(), ::testing::IsEmpty()) << stale.value();
    EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable) << stale.value();
  }
}

TEST_P(FrameInCFrameTest, NothingRunsWhenTheFirstCallHasBeenLeft) {
  fake_.Set(inner_call_, layout()._PyCFrame.previous, fake_.RootCFrame(thread_));
  SayInnermost(outer_);
  SetTop(outer_);
  EXPECT_THAT(Walked(), ::testing::IsEmpty());
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_P(FrameInCFrameTest, IsNotBelievedWithAGapBetweenFrames) {
  // A frame has been pushed for another call, over what was left of an earlier one.
  next_frame_ = next_frame_ + 16;
  const Address later = Push(inner_);
  SetTop(next_frame_);
  SayInnermost(later);
  EXPECT_THAT(Walked(), ::testing::IsEmpty());
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

TEST_P(FrameInCFrameTest, IsBelievedOutsideTheEvaluationLoop) {
  SetTop(entry_);
  EXPECT_THAT(Walked(FakeRuntime::kElsewhere), ::testing::ElementsAre(inner_, entry_, outer_));
  // A loop that is not known where it is may be anywhere.
  fake_.runtime.evaluation_loop = {};
  EXPECT_THAT(Walked(FakeRuntime::kElsewhere), ::testing::ElementsAre(outer_));
}

// A call of the loop that has not set up its frame yet, and a list that does not fit the frames.
TEST_P(FrameWalkerTest, EvaluationsThatCannotBeLocatedAreNot) {
  if (GetParam().version->locate_evaluations == nullptr) return;
  const Address frame = fake_.Frame(fake_.Code(), 5, Address(), Address());
  fake_.SetValue<uint8_t>(frame, layout()._PyInterpreterFrame.is_entry, 1);
  const Address thread = fake_.Thread(frame);
  const Address c_frame = arena_.Allocate(64);
  fake_.Set(c_frame, layout()._PyCFrame.current_frame, frame);
  fake_.Set(thread, layout().PyThreadState.cframe, c_frame);
  for (const Address previous : {c_frame, Address(), Address(0xdead0000), thread + 4096}) {
    fake_.Set(c_frame, layout()._PyCFrame.previous, previous);
    FrameChain chain = walker_.WalkThread(thread, FakeRuntime::kElsewhere);
    walker_.LocateEvaluations(thread, chain);
    ASSERT_EQ(chain.evaluations.size(), 1u);
    EXPECT_TRUE(chain.evaluations[0].stack_address.is_null());
  }
}

// `text += more`, where `text` is unbound meanwhile (to 3.10) or points to what is being reallocated.
TEST_P(FrameWalkerTest, TellsTheVariableThatItsInstructionIsChanging) {
  constexpr uint8_t kInplaceAdd = 55;
  constexpr uint8_t kStoreFast = 125;
  const OpcodeTables* tables = GetParam().version->opcodes;
  const uint8_t add = tables == nullptr ? kInplaceAdd : tables->binary_op_inplace_add_unicode;
  const uint8_t caches = tables == nullptr ? 0 : tables->caches[tables->deopt[add]];
  const uint8_t torn = tables == nullptr ? 1 : 0;
  std::string bytecode(2, '\0');
  bytecode += {static_cast<char>(add), 0};
  bytecode += std::string(static_cast<size_t>(caches) * 2, '\0');
  bytecode += {static_cast<char>(kStoreFast), static_cast<char>(torn)};
  bytecode += std::string(4, '\0');
  const Address code = fake_.CodeWith(bytecode);
  const Address value = fake_.Object("PyUnicode_Type", 64);
  const Address cell = fake_.Object("PyCell_Type", 64);
  const Address outer = fake_.Frame(code, 1, value, cell);
  const Address inner = fake_.Frame(code, 1, value, cell);
  fake_.Link(inner, outer);
  const FrameChain chain = walker_.WalkThread(fake_.Thread(inner));
  ASSERT_EQ(chain.frames.size(), 2u);
  ASSERT_TRUE(chain.frames[0].problem.ok()) << chain.frames[0].problem;
  EXPECT_EQ(chain.frames[0].torn_slot, std::optional<uint32_t>(torn));
  EXPECT_EQ(chain.frames[1].torn_slot, std::nullopt) << "it is calling something";
  for (const int unit : {0, 2 + caches, 3 + caches}) {
    const FrameChain elsewhere = walker_.WalkThread(fake_.Thread(fake_.Frame(code, unit, value, cell)));
    EXPECT_EQ(elsewhere.frames.at(0).torn_slot, std::nullopt) << unit;
  }
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

}  // namespace
}  // namespace pysnap
