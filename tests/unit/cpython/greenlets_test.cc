// Greenlets as they lie in memory, on every layout.
#include "snapshotter/cpython/greenlets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "snapshotter/cpython/gc_objects.h"
#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr int64_t kGcHead = 16;

// Any offsets do: real ones come from debug information.
GreenletStructs Structs(bool with_interpreter_frames) {
  GreenletStructs structs;
  structs.object_size = 40;
  structs.pimpl = 32;
  structs.exc_info = 16;
  structs.exc_state = 24;
  structs.stack_start = 64;
  structs.stack_stop = 72;
  structs.stack_copy = 80;
  structs.stack_saved = 88;
  structs.top_frame = 104;
  if (with_interpreter_frames) structs.current_frame = 112;
  structs.main_greenlet = 160;
  structs.run_callable = 168;
  structs.parent = 176;
  structs.thread_state = 160;
  structs.current_greenlet = 8;
  return structs;
}

class GreenletsTest : public EveryBuild {
 protected:
  GreenletsTest() {
    const uint64_t interpreter_size = static_cast<uint64_t>(layout().PyInterpreterState.size_);
    runtime_ = heap.runtime();
    runtime_.py_runtime = heap.Allocate(static_cast<uint64_t>(layout()._PyRuntimeState.size_) + 1024);
    thread_.interpreter = heap.Allocate(interpreter_size + 1024);
    thread_.state = heap.Allocate(static_cast<uint64_t>(layout().PyThreadState.size_) + 64);
    type_ = heap.NewStaticType("greenlet.greenlet", heap.Symbol("PyBaseObject_Type"), structs_.object_size);
    heap.PokePointer(type_ + layout().PyTypeObject.tp_mro, heap.Tuple({type_, heap.Symbol("PyBaseObject_Type")}));
    const Address module = heap.Module({{heap.Str("greenlet"), type_}});
    thread_.modules = heap.Dict({{heap.Str("greenlet._greenlet"), module}}, true);
    for (int generation = 0; generation < 4; ++generation) Link(generation, {});
    if (layout().gc_stats.size_ != kNoOffset) {
      const auto& l = layout()._gc_runtime_state;
      heap.PokePointer(Head(3) - l.permanent_generation + l.generation_stats,
                       heap.Allocate(static_cast<uint64_t>(layout().gc_stats.size_)));
    }
    state_ = heap.Allocate(64);
  }

  const Layout& layout() const { return heap.layout(); }
  bool has_interpreter_frames() const { return layout().PyFrameObject.f_frame != kNoOffset; }

  // 3: the permanent one.
  Address Head(int generation) const {
    const Address gc = layout()._PyRuntimeState.gc != kNoOffset ? runtime_.py_runtime + layout()._PyRuntimeState.gc
                                                                : thread_.interpreter + layout().PyInterpreterState.gc;
    const auto& l = layout()._gc_runtime_state;
    return generation == 3 ? gc + l.permanent_generation
                           : gc + l.generations + lists_moved_ + generation * layout().gc_generation.size_;
  }
  void Link(int generation, const std::vector<Address>& objects, uint64_t flags = 0) {
    Address at = Head(generation);
    for (const Address object : objects) {
      LinkTwo(at, object - kGcHead, flags);
      at = object - kGcHead;
    }
    LinkTwo(at, Head(generation), flags);
  }
  void LinkTwo(Address first, Address second, uint64_t flags) {
    heap.Poke<uint64_t>(first + layout().PyGC_Head._gc_next, second.value() | flags);
    heap.Poke<uint64_t>(second + layout().PyGC_Head._gc_prev, first.value() | flags);
  }

  Address Object(Address type, Address* impl) {
    const Address object = heap.Object(type, 64);
    *impl = heap.Allocate(256);
    heap.PokePointer(object + structs_.pimpl, *impl);
    return object;
  }
  // The main one of the thread that `current` runs in.
  Address Main() {
    const Address main = Object(type_, &main_impl_);
    heap.Poke<uint64_t>(main_impl_ + structs_.stack_start, 1);
    heap.Poke<uint64_t>(main_impl_ + structs_.stack_stop, ~uint64_t{0});
    heap.PokePointer(main_impl_ + structs_.thread_state, state_);
    heap.PokePointer(state_ + structs_.current_greenlet, main);
    return main;
  }
  Address User(Address main, Address parent, uint64_t start, uint64_t stop, Address* impl = nullptr) {
    Address made;
    const Address object = Object(type_, &made);
    heap.Poke<uint64_t>(made + structs_.stack_start, start);
    heap.Poke<uint64_t>(made + structs_.stack_stop, stop);
    heap.PokePointer(made + structs_.main_greenlet, main);
    heap.PokePointer(made + structs_.parent, parent);
    heap.PokePointer(made + structs_.exc_info, thread_.state + layout().PyThreadState.exc_state);
    if (impl != nullptr) *impl = made;
    return object;
  }
  // Something that is linked like a frame; what it runs is no matter here.
  Address Frame(Address previous, uint8_t owner = 0) {
    const Address frame = heap.Object(heap.Symbol("PyFrame_Type"), 512);
    LinkFrame(frame, previous, owner);
    return frame;
  }
  void LinkFrame(Address frame, Address previous, uint8_t owner) {
    if (!has_interpreter_frames()) return heap.PokePointer(frame + layout().PyFrameObject.f_back, previous);
    heap.PokePointer(frame + layout()._PyInterpreterFrame.previous, previous);
    heap.Poke<uint8_t>(frame + layout()._PyInterpreterFrame.owner, owner);
  }
  void SetFrame(Address impl, Address frame) {
    heap.PokePointer(impl + (has_interpreter_frames() ? structs_.current_frame : structs_.top_frame), frame);
  }

  GreenletList List() {
    CodeReader code_reader(runtime_, heap.memory());
    return ListGreenlets(runtime_, heap.memory(), structs_, old_, {thread_}, code_reader);
  }
  static std::vector<Address> Frames(const Greenlet& greenlet) {
    std::vector<Address> frames;
    for (const FrameInfo& frame : greenlet.chain.frames) frames.push_back(frame.address);
    return frames;
  }

  Runtime runtime_;
  GreenletStructs structs_ = Structs(heap.layout().PyFrameObject.f_frame != kNoOffset);
  Address type_;
  PythonThread thread_;
  Address state_;
  Address main_impl_;
  int64_t lists_moved_ = 0;
  OldGreenlets old_;
};
INSTANTIATE_TEST_SUITE_P(Builds, GreenletsTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(GreenletsTest, OfAllGenerations) {
  const Address main = Main();
  const Address finished = User(main, main, 0, 0x7000);
  const Address suspended = User(main, main, 0x6000, 0x7000);
  Address impl;
  const Address unstarted = User(Address(), suspended, 0, 0, &impl);
  const Address call = heap.Int(7);
  heap.PokePointer(impl + structs_.run_callable, call);
  const auto other = [this] { return heap.Object(heap.Symbol("PyBaseObject_Type"), 64); };
  Link(0, {finished, other()}, 1);
  Link(1, {suspended}, 2);
  Link(2, {other(), unstarted});
  Link(3, {main});
  const GreenletList list = List();
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_THAT(list.greenlets, SizeIs(4));
  EXPECT_EQ(list.greenlets[0].object, main);
  EXPECT_TRUE(list.greenlets[0].is_main);
  EXPECT_EQ(list.greenlets[0].state, GreenletState::kRunning);
  for (const Greenlet& each : list.greenlets) {
    EXPECT_EQ(each.main, main);
    EXPECT_EQ(each.thread_state, thread_.state);
    EXPECT_TRUE(each.problem.ok()) << each.problem;
    if (each.object == finished) {
      EXPECT_EQ(each.state, GreenletState::kFinished);
    }
    if (each.object == suspended) {
      EXPECT_EQ(each.state, GreenletState::kSuspended);
    }
    if (each.object != unstarted) continue;
    EXPECT_EQ(each.state, GreenletState::kNotStarted);
    EXPECT_EQ(each.parent, suspended);
    EXPECT_EQ(each.run, call);
  }
}

TEST_P(GreenletsTest, WhatIsNotKnownOfTheLibrary) {
  structs_.problem = "its library has no debug information";
  Link(2, {Main()});
  const GreenletList list = List();
  ASSERT_THAT(list.greenlets, SizeIs(1));
  EXPECT_EQ(list.greenlets[0].problem, absl::UnimplementedError(structs_.problem));
  EXPECT_EQ(list.greenlets[0].state, GreenletState::kUnknown);
}

TEST_P(GreenletsTest, AnotherSizeThanThatOfTheDebugInformation) {
  heap.Poke<int64_t>(type_ + layout().PyTypeObject.tp_basicsize, 48);
  Link(2, {Main()});
  const GreenletList list = List();
  EXPECT_THAT(list.greenlets, IsEmpty());
  EXPECT_THAT(list.problems, Not(IsEmpty()));
}

TEST_P(GreenletsTest, WhileTheCollectorWorks) {
  const auto& l = layout()._gc_runtime_state;
  const Address collecting = Head(3) - l.permanent_generation + l.collecting;
  heap.Poke<int32_t>(collecting, 1);
  Link(1, {Main()});
  const GreenletList list = List();
  EXPECT_THAT(list.greenlets, SizeIs(1));
  ASSERT_THAT(list.problems, SizeIs(1));
  EXPECT_TRUE(absl::IsAborted(list.problems[0]));
}

TEST_P(GreenletsTest, OnlyNewObjectsWhereTheOldAreKnown) {
  const Address main = Main(), gone = User(main, main, 0, 1), last = User(main, main, 0, 1);
  const Address fresh = User(main, main, 0, 1), unseen = User(main, main, 0, 1);
  Link(1, {gone});
  Link(2, {main, last});
  const auto objects = [this] {
    std::vector<Address> result;
    for (const Greenlet& each : List().greenlets) result.push_back(each.object);
    return result;
  };
  old_ = FindOldGreenlets(runtime_, heap.memory(), structs_, {thread_});
  ASSERT_THAT(old_.interpreters, SizeIs(1));
  EXPECT_THAT(old_.interpreters.at(thread_.interpreter).objects, UnorderedElementsAre(main, gone, last));
  EXPECT_THAT(objects(), UnorderedElementsAre(main, gone, last));

  // What nothing in a sound target does without a trace: to put an object into the middle of an old list.
  Link(0, {fresh});
  Link(2, {main, unseen, last});
  EXPECT_THAT(objects(), UnorderedElementsAre(main, gone, last, fresh));
  const auto& l = layout()._gc_runtime_state;
  Address stats = Head(3) - l.permanent_generation + l.generation_stats;
  if (layout().gc_stats.size_ != kNoOffset) stats = *heap.memory().ReadPointer(stats);
  heap.Poke<int64_t>(stats + layout().gc_generation_stats.collections, 1);
  EXPECT_THAT(objects(), UnorderedElementsAre(main, gone, last, fresh, unseen));

  // What has gone links to what it was between.
  heap.Poke<int64_t>(stats + layout().gc_generation_stats.collections, 0);
  const Address stays = User(main, main, 0, 1);
  Link(1, {stays, gone, main});
  old_ = FindOldGreenlets(runtime_, heap.memory(), structs_, {thread_});
  LinkTwo(stays - kGcHead, main - kGcHead, 0);
  heap.Poke<int64_t>(gone + layout().PyObject.ob_refcnt, 0);
  EXPECT_THAT(objects(), Not(Contains(gone)));
  EXPECT_THAT(objects(), Contains(stays));
}

// The thread was stopped between the two steps in which an object leaves a list.
TEST_P(GreenletsTest, WhileItsNeighbourLeavesTheList) {
  const Address main = Main(), before = User(main, main, 0, 1), leaving = User(main, main, 0, 1);
  Link(2, {before, leaving, main});
  old_ = FindOldGreenlets(runtime_, heap.memory(), structs_, {thread_});
  heap.PokePointer(before - kGcHead + layout().PyGC_Head._gc_next, main - kGcHead);
  heap.Poke<int64_t>(leaving + layout().PyObject.ob_refcnt, 0);
  std::vector<Address> objects;
  for (const Greenlet& each : List().greenlets) objects.push_back(each.object);
  EXPECT_THAT(objects, UnorderedElementsAre(main, before));
}

TEST_P(GreenletsTest, ListsOfAnotherMicroVersion) {
  for (int generation = 0; generation < 3; ++generation) heap.Poke<uint64_t>(Head(generation), 0x1234);
  lists_moved_ = -4;
  for (int generation = 0; generation < 2; ++generation) Link(generation, {});
  Link(2, {Main()});
  const GreenletList list = List();
  EXPECT_THAT(list.problems, IsEmpty());
  EXPECT_THAT(list.greenlets, SizeIs(1));
}

TEST_P(GreenletsTest, ListsThatAreNowhere) {
  for (int generation = 0; generation < 3; ++generation) heap.Poke<uint64_t>(Head(generation), 0x1234);
  const GreenletList list = List();
  EXPECT_THAT(list.greenlets, IsEmpty());
  ASSERT_THAT(list.problems, SizeIs(1));
  EXPECT_TRUE(absl::IsDataLoss(list.problems[0]));
}

TEST_P(GreenletsTest, AListThatReturnsToItsMiddle) {
  const Address main = Main();
  const Address other = heap.Object(heap.Symbol("PyBaseObject_Type"), 64);
  Link(2, {main, other});
  heap.PokePointer(other - kGcHead + layout().PyGC_Head._gc_next, other - kGcHead);
  const GreenletList list = List();
  EXPECT_THAT(list.greenlets, SizeIs(1));
  ASSERT_THAT(list.problems, SizeIs(1));
  EXPECT_TRUE(absl::IsDataLoss(list.problems[0]));
}

TEST_P(GreenletsTest, ParentsInACircle) {
  Address first_impl;
  const Address first = User(Address(), Address(), 0, 0, &first_impl);
  const Address second = User(Address(), first, 0, 0);
  heap.PokePointer(first_impl + structs_.parent, second);
  Link(0, {first, second});
  const GreenletList list = List();
  ASSERT_THAT(list.greenlets, SizeIs(2));
  for (const Greenlet& each : list.greenlets) {
    EXPECT_EQ(each.state, GreenletState::kNotStarted);
    EXPECT_TRUE(each.main.is_null());
  }
}

TEST_P(GreenletsTest, FramesInACircle) {
  const Address main = Main();
  Address impl;
  Link(0, {main, User(main, main, 0x6000, 0x7000, &impl)});
  const Address outer = Frame(Address());
  const Address inner = Frame(outer);
  LinkFrame(outer, inner, 0);
  SetFrame(impl, inner);
  const GreenletList list = List();
  ASSERT_THAT(list.greenlets, SizeIs(2));
  EXPECT_THAT(Frames(list.greenlets[1]), ElementsAre(inner, outer));
  EXPECT_TRUE(absl::IsDataLoss(list.greenlets[1].chain.truncated));
}

// The frame that marks how the loop was entered is on the part of the stack that another greenlet uses now.
TEST_P(GreenletsTest, FramesThroughAStackThatWasMoved) {
  if (!runtime_.version->has_entry_shims) GTEST_SKIP() << "no part of the chain is on the stack";
  const Address main = Main();
  Address impl;
  Link(0, {main, User(main, main, 0x6000, 0x7000, &impl)});
  const Address outer = Frame(Address());
  const Address stack = heap.Allocate(1024);
  const Address copy = heap.Allocate(512);
  constexpr uint8_t kShim = 3;
  LinkFrame(copy + 64, outer, kShim);
  LinkFrame(stack + 64, stack + 64, 0);
  const Address inner = Frame(stack + 64);
  SetFrame(impl, inner);
  heap.PokePointer(impl + structs_.stack_start, stack);
  heap.PokePointer(impl + structs_.stack_stop, stack + 1024);
  heap.PokePointer(impl + structs_.stack_copy, copy);
  heap.Poke<uint64_t>(impl + structs_.stack_saved, 512);
  GreenletList list = List();
  ASSERT_THAT(list.greenlets, SizeIs(2));
  EXPECT_THAT(Frames(list.greenlets[1]), ElementsAre(inner, outer));
  EXPECT_TRUE(list.greenlets[1].chain.truncated.ok()) << list.greenlets[1].chain.truncated;

  // When the thread is gone, so is what was not moved.
  heap.PokePointer(main_impl_ + structs_.thread_state, Address());
  heap.Poke<uint64_t>(impl + structs_.stack_saved, 16);
  list = List();
  ASSERT_THAT(list.greenlets, SizeIs(2));
  for (const Greenlet& each : list.greenlets) {
    EXPECT_TRUE(each.thread_ended);
    EXPECT_TRUE(each.thread_state.is_null());
    if (each.is_main) continue;
    EXPECT_THAT(Frames(each), ElementsAre(inner));
    EXPECT_TRUE(absl::IsOutOfRange(each.chain.truncated));
  }
}

// As 3.0.0 to 3.0.2 do while it is suspended.
TEST_P(GreenletsTest, FramesOfWhichTheInnermostIsCutOff) {
  if (!has_interpreter_frames()) GTEST_SKIP() << "frames are objects";
  structs_.prev_frame = 120;
  const Address main = Main();
  Address impl;
  Link(0, {main, User(main, main, 0x6000, 0x7000, &impl)});
  const Address outer = Frame(Address());
  const Address inner = Frame(Address());
  const Address object = heap.Object(heap.Symbol("PyFrame_Type"), 128);
  heap.PokePointer(object + layout().PyFrameObject.f_frame, inner);
  SetFrame(impl, inner);
  heap.PokePointer(impl + structs_.top_frame, object);
  EXPECT_THAT(Frames(List().greenlets[1]), ElementsAre(inner));
  heap.PokePointer(impl + structs_.prev_frame, outer);
  EXPECT_THAT(Frames(List().greenlets[1]), ElementsAre(inner, outer));
}

TEST_P(GreenletsTest, AStackThatMakesNoSense) {
  const Address main = Main();
  Address impl;
  Link(0, {main, User(main, main, 0x6000, 0x7000, &impl)});
  heap.Poke<uint64_t>(impl + structs_.stack_saved, 0x1001);
  const GreenletList list = List();
  ASSERT_THAT(list.greenlets, SizeIs(2));
  EXPECT_TRUE(absl::IsDataLoss(list.greenlets[1].problem));
}

TEST_P(GreenletsTest, WhatItHandles) {
  const Address main = Main();
  Address impl;
  const Address suspended = User(main, main, 0x6000, 0x7000, &impl);
  Link(0, {main, suspended});
  const auto& l = layout()._PyErr_StackItem;
  const Address of_thread = heap.Int(1), of_generator = heap.Int(2);
  heap.PokePointer(impl + structs_.exc_state + l.exc_value, of_thread);
  EXPECT_EQ(List().greenlets[1].handling, of_thread);
  const Address item = heap.Allocate(64);
  heap.PokePointer(item + l.exc_value, of_generator);
  heap.PokePointer(item + l.previous_item, thread_.state + layout().PyThreadState.exc_state);
  heap.PokePointer(impl + structs_.exc_info, item);
  EXPECT_EQ(List().greenlets[1].handling, of_generator);
  heap.PokePointer(item + l.exc_value, heap.None());
  EXPECT_EQ(List().greenlets[1].handling, of_thread);
  EXPECT_EQ(List().greenlets[1].thread_state, thread_.state);
  heap.PokePointer(item + l.previous_item, item);
  const GreenletList list = List();
  ASSERT_THAT(list.greenlets, SizeIs(2));
  EXPECT_TRUE(list.greenlets[0].thread_state.is_null());
  EXPECT_THAT(list.problems, SizeIs(1));
}

TEST_P(GreenletsTest, WhileItSwitches) {
  const Address main = Main();
  Link(0, {main});
  heap.PokePointer(main_impl_ + structs_.top_frame, Frame(Address()));
  const GreenletList list = List();
  ASSERT_THAT(list.problems, SizeIs(1));
  EXPECT_TRUE(absl::IsUnavailable(list.problems[0]));
}

}  // namespace
}  // namespace pysnap::testing
