#include "snapshotter/capture/merge_stacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace pysnap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

// A stack, innermost first: one letter for each native frame of 0x100 bytes from 0x1000 up. 'e' is in the evaluation
// function by its symbol, 's' is a signal trampoline, anything else is some other function.
struct Stack {
  explicit Stack(const std::string& letters, bool whole = true) : whole(whole) {
    for (size_t i = 0; i < letters.size(); ++i) {
      frames.push_back({.pc = Address(0x400000 + i),
                        .sp = Address(0x1000 + i * 0x100),
                        .after_call = i > 0,
                        .is_signal_trampoline = letters[i] == 's'});
      in_evaluation_function.push_back(letters[i] == 'e');
    }
  }

  absl::StatusOr<StackPlaces> Merge(const std::vector<Evaluation>& evaluations) const {
    return MergeStacks({.evaluations = evaluations,
                        .native = frames,
                        .in_evaluation_function = &in_evaluation_function,
                        .native_is_whole = whole});
  }

  std::vector<NativeFrame> frames;
  std::vector<bool> in_evaluation_function;
  bool whole;
};

// As the versions tell them: up to 3.9 no addresses and one frame each, in 3.10 one frame with an address, later any
// number of frames with an address. `at` is the native frame's number; -1: no address.
std::vector<Evaluation> Evaluations(const std::vector<std::pair<int, size_t>>& at_and_count) {
  std::vector<Evaluation> evaluations;
  size_t first = 0;
  for (const auto& [at, count] : at_and_count) {
    const Address address = at < 0 ? Address() : Address(0x1000 + static_cast<uint64_t>(at) * 0x100 + 0x40);
    evaluations.push_back({.stack_address = address, .first_frame = first, .frame_count = count});
    first += count;
  }
  return evaluations;
}

struct Shape {
  const char* name;
  std::string native;
  bool whole;
  std::vector<std::pair<int, size_t>> evaluations;
  // The native frame of each evaluation, -1 for none; empty: they cannot be merged.
  std::vector<int> places;
};

class MergeStacksTest : public ::testing::TestWithParam<Shape> {};

TEST_P(MergeStacksTest, PlacesEachEvaluation) {
  const Shape& shape = GetParam();
  const auto places = Stack(shape.native, shape.whole).Merge(Evaluations(shape.evaluations));
  if (shape.places.empty() && !shape.evaluations.empty()) {
    EXPECT_TRUE(absl::IsFailedPrecondition(places.status())) << places.status();
    EXPECT_FALSE(places.status().message().empty());
    return;
  }
  ASSERT_TRUE(places.ok()) << places.status();
  std::vector<int> found;
  for (const std::optional<size_t>& place : *places) {
    found.push_back(place.has_value() ? static_cast<int>(*place) : -1);
  }
  EXPECT_EQ(found, shape.places);
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         MergeStacksTest,
                         ::testing::Values(
                             // 3.8, 3.9: by the function, one frame each.
                             Shape{"UpTo39", "xecceccem", true, {{-1, 1}, {-1, 1}, {-1, 1}}, {1, 4, 7}},
                             Shape{"UpTo39InnermostIsEntering", "eecm", true, {{-1, 1}}, {1}},
                             Shape{"UpTo39InnermostIsEnteringThroughC", "xxecem", true, {{-1, 1}}, {4}},
                             Shape{"UpTo39TooFew", "xecm", true, {{-1, 1}, {-1, 1}}, {}},
                             Shape{"UpTo39TooMany", "eeeem", true, {{-1, 1}, {-1, 1}}, {}},
                             Shape{"UpTo39NoneKnown", "xccm", true, {{-1, 1}}, {}},
                             Shape{"UpTo39EndsEarly", "xece", false, {{-1, 1}, {-1, 1}}, {}},
                             // 3.10: by the address of a _PyCFrame, one frame each; symbols do not matter.
                             Shape{"310", "xeccecm", true, {{1, 1}, {4, 1}}, {1, 4}},
                             Shape{"310Stripped", "xxxxxxm", true, {{1, 1}, {4, 1}}, {1, 4}},
                             // 3.11: several frames in one evaluation.
                             Shape{"311", "xeccecm", true, {{1, 3}, {4, 2}}, {1, 4}},
                             Shape{"311EnteringDoesNotCount", "eccecm", true, {{3, 2}}, {3}},
                             // 3.12 to 3.15: by the address of the frame that marks the entry.
                             Shape{"312", "xxccxcm", true, {{1, 3}, {4, 1}}, {1, 4}},
                             Shape{"312NothingShows", "xxccxcm", true, {{1, 0}, {4, 1}}, {1, 4}},
                             // 3.14: the outermost mark is part of the thread state.
                             Shape{"314BaseFrame", "xxm", true, {{1, 2}, {5000, 0}}, {1, -1}},
                             Shape{"WithoutPythonFrames", "xxm", true, {}, {}},
                             Shape{"OnlyMarks", "xxm", true, {{-1, 0}}, {-1}},
                             // The stack was not followed to its end: what is beyond is outermost.
                             Shape{"EndsEarly", "xecx", false, {{1, 2}, {5000, 1}, {6000, 1}}, {1, -1, -1}},
                             Shape{"EndsAtOnce", "x", false, {{0, 2}}, {-1}},
                             Shape{"MissingFromAWholeStack", "xecm", true, {{1, 2}, {5000, 1}}, {}},
                             // Never two in one native frame, nor in another order.
                             Shape{"TwoInOne", "xecm", true, {{1, 1}, {1, 1}}, {}},
                             Shape{"WrongOrder", "xecem", true, {{3, 1}, {1, 1}}, {}},
                             Shape{"InTheOutermost", "xem", true, {{2, 1}}, {}},
                             // Of a handler's evaluation and the interrupted one.
                             Shape{"SignalHandler", "xesexm", true, {{1, 1}, {3, 1}}, {1, 3}},
                             Shape{"InATrampoline", "xesexm", true, {{2, 1}}, {}},
                             Shape{"NoNativeFrames", "", true, {{1, 1}}, {}}),
                         [](const auto& info) { return info.param.name; });

TEST(MergeStacks, AHandlerMayRunOnAStackOfItsOwn) {
  // The handler's stack lies above the interrupted one.
  Stack stack("xesxem");
  for (size_t i = 0; i < 3; ++i) stack.frames[i].sp = stack.frames[i].sp + 0x100000;
  std::vector<Evaluation> evaluations = Evaluations({{1, 1}, {4, 1}});
  evaluations[0].stack_address = evaluations[0].stack_address + 0x100000;
  const auto places = stack.Merge(evaluations);
  ASSERT_TRUE(places.ok()) << places.status();
  EXPECT_THAT(*places, ElementsAre(Optional(size_t{1}), Optional(size_t{4})));
}

TEST(MergeStacks, MixedEvaluationsGoByTheFunction) {
  const auto places = Stack("xeccem").Merge(Evaluations({{-1, 1}, {4, 1}}));
  ASSERT_TRUE(places.ok()) << places.status();
  EXPECT_THAT(*places, ElementsAre(Optional(size_t{1}), Optional(size_t{4})));
}

TEST(MergeStacks, SaysHowManyThereAre) {
  const auto places = Stack("xecm").Merge(Evaluations({{-1, 1}, {-1, 1}, {-1, 1}}));
  EXPECT_THAT(std::string(places.status().message()), HasSubstr("1 calls of _PyEval_EvalFrameDefault"));
  EXPECT_THAT(std::string(places.status().message()), HasSubstr("3 are expected"));
}

TEST(MergeStacks, KnowsTheEvaluationFunctionAndItsParts) {
  for (const char* symbol : {"_PyEval_EvalFrameDefault", "_PyEval_EvalFrameDefault.cold",
                             "_PyEval_EvalFrameDefault.constprop.0", "_PyEval_EvalFrameDefault.part.3.cold"}) {
    EXPECT_TRUE(IsEvaluationFunction(symbol)) << symbol;
  }
  for (const char* symbol : {"", "_PyEval_EvalFrame", "_PyEval_EvalFrameDefault2", "my_PyEval_EvalFrameDefault"}) {
    EXPECT_FALSE(IsEvaluationFunction(symbol)) << symbol;
  }
}

}  // namespace
}  // namespace pysnap
