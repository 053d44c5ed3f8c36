#include "snapshotter/cpython/threads.h"

#include <gtest/gtest.h>

#include <tuple>

#include "snapshotter/cpython/version_support.h"
#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

using testing::Arena;
using testing::FakeRuntime;

// An interpreter with two threads, on the layout of every build.
class ThreadsTest : public ::testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  ThreadsTest() {
    fake_.Set(fake_.runtime.py_runtime, layout()._PyRuntimeState.interpreters_head, interpreter_);
    fake_.Set(interpreter_, layout().PyInterpreterState.threads_head, newest_);
    fake_.Set(newest_, layout().PyThreadState.next, oldest_);
    fake_.SetValue(newest_, layout().PyThreadState.thread_id, kIdent + 1);
    fake_.SetValue(oldest_, layout().PyThreadState.thread_id, kIdent);
    fake_.SetValue(fake_.runtime.py_runtime, layout()._PyRuntimeState.main_thread, kIdent);
  }

  static const VersionSupport& version() { return *FindVersionSupport(std::get<0>(GetParam())); }
  static const Layout& layout() { return std::get<1>(GetParam()) ? *version().debug : *version().release; }

  static constexpr uint64_t kIdent = 0x7f0012345678;
  Arena arena_{4 << 20};
  FakeRuntime fake_{version(), layout(), arena_};
  const Address interpreter_ = arena_.Allocate(1 << 18);
  const Address newest_ = fake_.Thread(Address());
  const Address oldest_ = fake_.Thread(Address());
};

TEST_P(ThreadsTest, ListsThreadsOnceEvenInARing) {
  fake_.Set(oldest_, layout().PyThreadState.next, newest_);
  const PythonThreadList list = ListPythonThreads(fake_.runtime, arena_);
  ASSERT_EQ(list.threads.size(), 2u);
  EXPECT_EQ(list.problems.size(), 1u);
  EXPECT_EQ(list.threads[0].ident, kIdent + 1);
  EXPECT_FALSE(list.threads[0].is_main);
  EXPECT_EQ(list.threads[1].ident, kIdent);
  EXPECT_TRUE(list.threads[1].is_main);
}

TEST_P(ThreadsTest, FindsTheExceptionBeingHandled) {
  const Address item = arena_.Allocate(64);
  const Address exception = fake_.Object("PyCell_Type", 64);
  fake_.Set(oldest_, layout().PyThreadState.exc_info, item);
  fake_.Set(item, layout()._PyErr_StackItem.exc_value, exception);
  const PythonThreadList list = ListPythonThreads(fake_.runtime, arena_);
  ASSERT_EQ(list.threads.size(), 2u);
  EXPECT_EQ(list.threads[1].handling, exception);
}

// What debug offsets do not tell is taken from the table when a thread's ident is there, at the time of listing: while
// an interpreter starts, its thread is listed before its ident is set.
TEST_P(ThreadsTest, MainThreadIsConfirmedWhereItIsNotKnown) {
  fake_.runtime.layout._PyRuntimeState.main_thread = kNoOffset;
  fake_.SetValue<uint64_t>(oldest_, layout().PyThreadState.thread_id, 0);
  PythonThreadList list = ListPythonThreads(fake_.runtime, arena_);
  ASSERT_EQ(list.threads.size(), 2u);
  EXPECT_FALSE(list.threads[0].is_main || list.threads[1].is_main);
  fake_.SetValue(oldest_, layout().PyThreadState.thread_id, kIdent);
  list = ListPythonThreads(fake_.runtime, arena_);
  ASSERT_EQ(list.threads.size(), 2u);
  EXPECT_FALSE(list.threads[0].is_main);
  EXPECT_TRUE(list.threads[1].is_main);
}

INSTANTIATE_TEST_SUITE_P(
    AllBuilds, ThreadsTest, ::testing::Combine(::testing::Range(8, 16), ::testing::Bool()), [](const auto& info) {
      return "v3_" + std::to_string(std::get<0>(info.param)) + (std::get<1>(info.param) ? "_debug" : "_release");
    });

}  // namespace
}  // namespace pysnap
