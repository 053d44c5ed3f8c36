#include "snapshotter/cpython/asyncio_offsets.h"

#include <gtest/gtest.h>

#include <vector>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

constexpr uint64_t kInterpreterTasks = 4096, kRunningLoop = 256, kRunningTask = 264, kThreadTasks = 272;

// As Py_AsyncioModuleDebugOffsets of 3.14 and 3.15 has them, where threads keep things as other micro versions may.
std::vector<uint64_t> Values(const Layout& layout) {
  const auto& task = layout.TaskObj;
  const auto number = [](Offset offset) { return static_cast<uint64_t>(offset); };
  return {number(task.size_),
          number(task.task_name),
          number(task.task_awaited_by),
          number(task.task_is_task),
          number(task.task_awaited_by_is_set),
          number(task.task_coro),
          number(task.task_node),
          8192,
          kInterpreterTasks,
          512,
          kRunningLoop,
          kRunningTask,
          kThreadTasks};
}

class AsyncioOffsetsTest : public ::testing::TestWithParam<int> {
 protected:
  Layout layout = *FindVersionSupport(GetParam())->release;
};
INSTANTIATE_TEST_SUITE_P(Versions, AsyncioOffsetsTest, ::testing::Values(14, 15));

TEST_P(AsyncioOffsetsTest, TakesWhatMoves) {
  ASSERT_TRUE(ApplyAsyncioOffsets(Values(layout), layout).ok());
  EXPECT_EQ(layout.PyInterpreterState.asyncio_tasks_head, kInterpreterTasks);
  EXPECT_EQ(layout.PyThreadState.asyncio_running_loop, kRunningLoop);
  EXPECT_EQ(layout.PyThreadState.asyncio_running_task, kRunningTask);
  EXPECT_EQ(layout.PyThreadState.asyncio_tasks_head, kThreadTasks);
}

TEST_P(AsyncioOffsetsTest, RefusesOtherTasks) {
  const Offset before = layout.PyThreadState.asyncio_tasks_head;
  for (const size_t i : {0, 1, 2, 4, 5, 6}) {
    std::vector<uint64_t> values = Values(layout);
    values[i] += 8;
    EXPECT_TRUE(absl::IsUnimplemented(ApplyAsyncioOffsets(values, layout))) << i;
  }
  std::vector<uint64_t> longer = Values(layout);
  longer.push_back(0);
  EXPECT_TRUE(absl::IsUnimplemented(ApplyAsyncioOffsets(longer, layout)));
  EXPECT_EQ(layout.PyThreadState.asyncio_tasks_head, before);
}

TEST_P(AsyncioOffsetsTest, RefusesNonsense) {
  for (const size_t i : {8, 10, 11, 12}) {
    for (const uint64_t nonsense : {uint64_t{3}, uint64_t{8192}, ~uint64_t{7}}) {
      std::vector<uint64_t> values = Values(layout);
      values[i] = nonsense;
      EXPECT_TRUE(absl::IsDataLoss(ApplyAsyncioOffsets(values, layout))) << i << " " << nonsense;
    }
  }
}

}  // namespace
}  // namespace pysnap
