// Tasks as they lie in memory, on every layout.
#include "snapshotter/cpython/asyncio_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int32_t kPending = 0, kCancelled = 1, kFinished = 2;

class AsyncioTasksTest : public EveryBuild {
 protected:
  AsyncioTasksTest() {
    const auto size = [](Offset offset) { return static_cast<int64_t>(offset); };
    task_type_ = heap.NewStaticType("_asyncio.Task", object_type(), size(layout().TaskObj.size_));
    future_type_ = heap.NewStaticType("_asyncio.Future", object_type(), size(layout().FutureObj.size_));
    thread_.state = heap.Allocate(static_cast<uint64_t>(layout().PyThreadState.size_) + 64);
    thread_.interpreter = heap.Allocate(static_cast<uint64_t>(layout().PyInterpreterState.size_));
    thread_.ident = 77;
    loop_ = heap.Instance(heap.Class("Loop", object_type(), {.shared_keys = {"_thread_id"}}),
                          {{"_thread_id", heap.Int(77)}});
    if (has_lists()) {
      EmptyList(thread_.state + layout().PyThreadState.asyncio_tasks_head);
      EmptyList(thread_.interpreter + layout().PyInterpreterState.asyncio_tasks_head);
    }
  }

  const Layout& layout() const { return heap.layout(); }
  Address object_type() const { return heap.Symbol("PyBaseObject_Type"); }
  bool has_lists() const { return layout().PyThreadState.asyncio_tasks_head != kNoOffset; }
  bool notes_waiters() const { return layout().FutureObj.fut_awaited_by != kNoOffset; }

  void EmptyList(Address head) {
    heap.PokePointer(head + layout().llist_node.next, head);
    heap.PokePointer(head + layout().llist_node.prev, head);
  }

  Address Future() { return heap.Object(future_type_, static_cast<uint64_t>(layout().FutureObj.size_)); }

  Address Task(const std::string& name, int32_t state = kPending) {
    const auto& l = layout().TaskObj;
    const Address task = heap.Object(task_type_, static_cast<uint64_t>(l.size_));
    heap.PokePointer(task + l.task_name, heap.Str(name));
    heap.Poke<int32_t>(task + l.task_state, state);
    heap.PokePointer(task + l.task_loop, loop_);
    heap.PokePointer(task + l.task_coro, heap.Generator("PyCoro_Type", name));
    heap.PokePointer(task + l.task_fut_waiter, heap.None());
    return task;
  }

  // Makes `task` one that `waiter` is to go on after.
  void AwaitedBy(Address task, Address waiter) {
    const auto& l = layout().FutureObj;
    if (notes_waiters()) return heap.PokePointer(task + l.fut_awaited_by, waiter);
    heap.PokePointer(task + l.fut_callback0, Wakeup(waiter));
  }

  Address Wakeup(Address task) {
    const auto& l = layout().TaskWakeupMethWrapper;
    if (l.ww_task == kNoOffset) return heap.BuiltinFunction("task_wakeup", task);
    const Address type = heap.NewStaticType("TaskWakeupMethWrapper", object_type(), l.size_);
    const Address wakeup = heap.Object(type, static_cast<uint64_t>(l.size_));
    heap.PokePointer(wakeup + l.ww_task, task);
    return wakeup;
  }

  void AddCallbacks(Address future, const std::vector<Address>& callbacks) {
    Items pairs;
    for (const Address callback : callbacks) pairs.push_back(heap.Tuple({callback, heap.None()}));
    heap.PokePointer(future + layout().FutureObj.fut_callbacks, heap.List(pairs));
  }

  // Of asyncio.tasks and the module _asyncio; dead references are among those of `tasks` that are None.
  AsyncioTaskList List(const std::vector<Address>& tasks) {
    const auto& l = layout().PyWeakReference;
    Items references;
    for (const Address task : tasks) {
      const Address reference = heap.Object(heap.Symbol("_PyWeakref_RefType"), static_cast<uint64_t>(l.size_));
      heap.PokePointer(reference + l.wr_object, task);
      references.push_back(reference);
    }
    const Address weak_set = heap.Instance(heap.Class("WeakSet", object_type(), {.shared_keys = {"data"}}),
                                           {{"data", heap.Set("PySet_Type", references)}});
    const Address tasks_module = heap.Module({{heap.Str("_all_tasks"), weak_set},
                                              {heap.Str("_eager_tasks"), heap.Set("PySet_Type", eager_)},
                                              {heap.Str("_current_tasks"), heap.Dict(current_, true)}});
    const Address c_module = heap.Module({{heap.Str("Task"), task_type_}, {heap.Str("Future"), future_type_}});
    thread_.modules = heap.Dict({{heap.Str("asyncio.tasks"), tasks_module}, {heap.Str("_asyncio"), c_module}}, true);
    return ListAsyncioTasks(heap.runtime(), heap.memory(), {thread_});
  }

  static std::vector<std::string> Names(const AsyncioTaskList& list) {
    std::vector<std::string> names;
    for (const AsyncioTask& task : list.tasks) names.push_back(task.facts.name);
    return names;
  }

  Address task_type_;
  Address future_type_;
  Address loop_;
  PythonThread thread_;
  Items eager_;
  Entries current_;
};
INSTANTIATE_TEST_SUITE_P(Builds, AsyncioTasksTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(AsyncioTasksTest, NoAsyncio) {
  thread_.modules = heap.Dict({{heap.Str("sys"), heap.Module({})}, {heap.Str("_asyncio"), heap.None()}}, true);
  const AsyncioTaskList list = ListAsyncioTasks(heap.runtime(), heap.memory(), {thread_});
  EXPECT_THAT(list.tasks, IsEmpty());
  EXPECT_THAT(list.problems, IsEmpty());
}

TEST_P(AsyncioTasksTest, Registered) {
  const Address pending = Task("Task-10");
  const Address done = Task("Task-9", kFinished);
  const Address cancelled = Task("Task-11", kCancelled);
  eager_ = {Task("eager")};
  current_ = {{loop_, pending}};
  const AsyncioTaskList list = List({pending, heap.None(), done, cancelled});
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_THAT(Names(list), ElementsAre("Task-9", "Task-10", "Task-11", "eager"));
  EXPECT_EQ(list.tasks[0].facts.state, FutureState::kFinished);
  EXPECT_EQ(list.tasks[1].facts.state, FutureState::kPending);
  EXPECT_EQ(list.tasks[2].facts.state, FutureState::kCancelled);
  EXPECT_TRUE(list.tasks[1].running);
  EXPECT_FALSE(list.tasks[0].running);
  EXPECT_EQ(list.tasks[1].object, pending);
  EXPECT_EQ(list.tasks[1].thread_ident, 77u);
}

TEST_P(AsyncioTasksTest, NumberForAName) {
  const Address task = Task("");
  heap.PokePointer(task + layout().TaskObj.task_name, heap.Int(12));
  EXPECT_THAT(Names(List({task})), ElementsAre("Task-12"));
}

TEST_P(AsyncioTasksTest, WhoWaits) {
  const Address awaited = Task("awaited");
  const Address waits = Task("waits");
  AwaitedBy(awaited, waits);
  // What waits is listed even if nothing else tells of it.
  const AsyncioTaskList list = List({awaited});
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_THAT(Names(list), ElementsAre("awaited", "waits"));
  EXPECT_THAT(list.tasks[0].awaited_by, ElementsAre(waits));
  EXPECT_THAT(list.tasks[1].awaited_by, IsEmpty());
}

TEST_P(AsyncioTasksTest, ThroughFuturesInACircle) {
  const Address task = Task("task");
  const Address one = Future();
  const Address other = Future();
  const Address waits = Task("waits");
  const auto& l = layout().FutureObj;
  if (notes_waiters()) {
    heap.PokePointer(task + l.fut_awaited_by, heap.Set("PySet_Type", {one, task}));
    heap.Poke<uint8_t>(task + l.fut_awaited_by_is_set, 1);
    heap.PokePointer(one + l.fut_awaited_by, other);
    heap.PokePointer(other + l.fut_awaited_by, heap.Set("PySet_Type", {one, waits}));
    heap.Poke<uint8_t>(other + l.fut_awaited_by_is_set, 1);
  } else {
    // functools.partial(_release_waiter, future), as wait_for() has it.
    const auto relay = [&](Address future) {
      const auto& p = layout().partialobject;
      const Address function = heap.Function(heap.Code({}, {}), heap.Dict({}), "_release_waiter");
      heap.PokePointer(function + layout().PyFunctionObject.func_module, heap.Str("asyncio.tasks"));
      const Address partial = heap.Object(heap.StaticType("functools.partial"), static_cast<uint64_t>(p.size_));
      heap.PokePointer(partial + p.fn, function);
      heap.PokePointer(partial + p.args, heap.Tuple({future}));
      return partial;
    };
    heap.PokePointer(task + l.fut_callback0, relay(one));
    AddCallbacks(task, {Wakeup(task), heap.BuiltinFunction("other", waits)});
    heap.PokePointer(one + l.fut_callback0, relay(other));
    AddCallbacks(other, {relay(one), Wakeup(waits)});
  }
  const AsyncioTaskList list = List({task});
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_THAT(Names(list), ElementsAre("task", "waits"));
  EXPECT_THAT(list.tasks[0].awaited_by, UnorderedElementsAre(task, waits));
}

TEST_P(AsyncioTasksTest, OneThatCannotBeRead) {
  const Address good = Task("good");
  const Address bad = Task("bad");
  heap.PokePointer(bad + layout().TaskObj.task_name, Address(0x10));
  const AsyncioTaskList list = List({bad, good});
  EXPECT_EQ(list.problems.size(), 1u);
  EXPECT_THAT(Names(list), UnorderedElementsAre("", "good"));
}

TEST_P(AsyncioTasksTest, NonsenseForAState) {
  const AsyncioTaskList list = List({Task("odd", 17)});
  ASSERT_EQ(list.problems.size(), 1u);
  ASSERT_EQ(list.tasks.size(), 1u);
  EXPECT_EQ(list.tasks[0].facts.state, FutureState::kUnknown);
}

TEST_P(AsyncioTasksTest, ListsOfThreadAndInterpreter) {
  if (!has_lists()) GTEST_SKIP() << "there are none";
  const auto link = [&](Address head, const std::vector<Address>& tasks) {
    Address at = head;
    for (const Address task : tasks) {
      const Address node = task + layout().TaskObj.task_node;
      heap.PokePointer(at + layout().llist_node.next, node);
      heap.PokePointer(node + layout().llist_node.prev, at);
      at = node;
    }
    heap.PokePointer(at + layout().llist_node.next, head);
    heap.PokePointer(head + layout().llist_node.prev, at);
  };
  const Address last = Task("c");
  link(thread_.state + layout().PyThreadState.asyncio_tasks_head, {Task("a"), Task("b"), last});
  link(thread_.interpreter + layout().PyInterpreterState.asyncio_tasks_head, {Task("of a thread that has ended")});
  heap.PokePointer(thread_.state + layout().PyThreadState.asyncio_running_task, last);
  AsyncioTaskList list = List({});
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_THAT(Names(list), ElementsAre("a", "b", "c", "of a thread that has ended"));
  EXPECT_TRUE(list.tasks[2].running);

  // The last one leads to what does not lead back.
  heap.PokePointer(last + layout().TaskObj.task_node + layout().llist_node.next, Future());
  list = List({});
  ASSERT_EQ(list.problems.size(), 1u);
  EXPECT_THAT(std::string(list.problems[0].message()), ::testing::HasSubstr("list of asyncio's tasks is broken"));
  EXPECT_THAT(Names(list), ElementsAre("a", "b", "c", "of a thread that has ended"));
}

}  // namespace
}  // namespace pysnap::testing
