// The runs of trio as they lie in memory, on every layout.
#include "snapshotter/cpython/trio_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Attributes = std::map<std::string, Address>;

class TrioTasksTest : public EveryBuild {
 protected:
  TrioTasksTest() {
    for (PythonThread* thread : {&thread_, &other_}) {
      thread->state = heap.Allocate(static_cast<uint64_t>(layout().PyThreadState.size_));
      thread->interpreter = Address(0x1000);
    }
    thread_.ident = 77;
    other_.ident = 78;
    local_type_ = heap.NewStaticType("_thread._local", heap.Symbol("PyBaseObject_Type"), 64);
    dummy_type_ = heap.NewStaticType("_thread._localdummy", heap.Symbol("PyBaseObject_Type"), 32);
    status_ = Class("CancelStatus", {"_scope", "_parent"});
    scope_ = Class("CancelScope", {"_deadline", "_cancel_called", "_shield"});
    task_ = Class("Task", {"name", "coro", "custom_sleep_data", "_parent_nursery", "_child_nurseries", "_cancel_status",
                           "_counter"});
    runner_ = Class("Runner", {"tasks", "main_task", "init_task"});
    nursery_ = heap.Class("Nursery", heap.Symbol("PyBaseObject_Type"),
                          {.shared_keys = {"_parent_task", "cancel_scope", "_cancel_status"}});
  }

  const Layout& layout() const { return heap.layout(); }

  struct SlotClass {
    Address type;
    std::vector<std::string> slots;
  };

  SlotClass Class(const std::string& name, const std::vector<std::string>& slots) {
    return {heap.Class(name, heap.Symbol("PyBaseObject_Type"), {.slots = slots, .has_dict = false}), slots};
  }

  Address New(const SlotClass& cls, const Attributes& attributes) {
    const Address object = heap.Object(cls.type, heap.BasicSize(cls.type));
    for (const auto& [name, value] : attributes) Set(cls, object, name, value);
    return object;
  }

  void Set(const SlotClass& cls, Address object, const std::string& name, Address value) {
    const auto slot = std::find(cls.slots.begin(), cls.slots.end(), name);
    heap.SetSlot(object, cls.type, static_cast<size_t>(slot - cls.slots.begin()), value);
  }

  Address Scope(double deadline, bool cancelled, bool shield) {
    return New(scope_, {{"_deadline", heap.Float(deadline)},
                        {"_cancel_called", cancelled ? heap.True() : heap.False()},
                        {"_shield", shield ? heap.True() : heap.False()}});
  }

  Address Status(Address scope, Address parent) { return New(status_, {{"_scope", scope}, {"_parent", parent}}); }

  Address Task(const std::string& name, Address nursery, Address status) {
    return New(task_, {{"name", heap.Str(name)},
                       {"coro", heap.Generator("PyCoro_Type", name)},
                       {"custom_sleep_data", heap.None()},
                       {"_parent_nursery", nursery},
                       {"_child_nurseries", heap.List({})},
                       {"_cancel_status", status},
                       {"_counter", heap.Int(counter_++)}});
  }

  // A nursery that `task` has opened within what it is inside of.
  Address Nursery(Address task, Address status, Address scope) {
    const Address nursery =
        heap.Instance(nursery_, {{"_parent_task", task}, {"cancel_scope", scope}, {"_cancel_status", status}});
    Set(task_, task, "_child_nurseries", heap.List({nursery}));
    Set(task_, task, "_cancel_status", status);
    return nursery;
  }

  // GLOBAL_RUN_CONTEXT, in which a thread has these attributes.
  Address Local(const PythonThread& thread, const Entries& attributes) {
    const Address stand_in = heap.Object(dummy_type_, 32);
    Address key = stand_in;
    if (layout().localobject.localdicts == 48) {  // to 3.12
      key = heap.Object(heap.Symbol("_PyWeakref_RefType"), static_cast<uint64_t>(layout().PyWeakReference.size_));
      heap.PokePointer(key + layout().PyWeakReference.wr_object, stand_in);
      const Address dict = heap.Dict({{heap.Str("thread.local.0x1"), stand_in}}, true);
      heap.PokePointer(thread.state + layout().PyThreadState.dict, dict);
    } else {
      heap.PokePointer(thread.state + layout().PyThreadState.base_size - 8, stand_in);
    }
    const Address local = heap.Object(local_type_, 64);
    heap.PokePointer(local + layout().localobject.localdicts, heap.Dict({{key, heap.Dict(attributes, true)}}, true));
    return local;
  }

  Address Runner(const Items& tasks, Address init, Address main) {
    return New(runner_, {{"tasks", heap.Set("PySet_Type", tasks)}, {"init_task", init}, {"main_task", main}});
  }

  TrioTaskList List(Address context) {
    const Address module = heap.Module({{heap.Str("GLOBAL_RUN_CONTEXT"), context}});
    thread_.modules = heap.Dict({{heap.Str("trio._core._run"), module}}, true);
    return ListTrioTasks(heap.runtime(), heap.memory(), {thread_, other_});
  }

  SlotClass status_, scope_, task_, runner_;
  Address nursery_;
  Address local_type_;
  Address dummy_type_;
  PythonThread thread_;
  PythonThread other_;
  int64_t counter_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Builds, TrioTasksTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(TrioTasksTest, NoTrio) {
  thread_.modules = heap.Dict({{heap.Str("trio._core._run"), heap.None()}}, true);
  const TrioTaskList list = ListTrioTasks(heap.runtime(), heap.memory(), {thread_, other_});
  EXPECT_THAT(list.tasks, IsEmpty());
  EXPECT_THAT(list.problems, IsEmpty());
}

// A run of an init task, which has opened a nursery, and tasks in that.
class TrioRunTest : public TrioTasksTest {
 protected:
  TrioRunTest() {
    const Address outermost = Status(Scope(1e300, false, false), heap.None());
    init_ = Task("<init>", heap.None(), outermost);
    init_scope_ = Scope(10.5, false, false);
    inner_ = Status(init_scope_, outermost);
    init_nursery_ = Nursery(init_, inner_, init_scope_);
  }

  TrioTaskList ListRun(const Items& tasks, Address current = Address()) {
    Items all = tasks;
    all.push_back(init_);
    Entries context = {{heap.Str("runner"), Runner(all, init_, tasks.empty() ? heap.None() : tasks[0])}};
    if (!current.is_null()) context.emplace_back(heap.Str("task"), current);
    return List(Local(other_, context));
  }

  Address init_;
  Address init_scope_;
  Address inner_;  // the cancel status of what is in its nursery
  Address init_nursery_;
};
INSTANTIATE_TEST_SUITE_P(Builds, TrioRunTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(TrioRunTest, Tree) {
  const Address main = Task("main", init_nursery_, inner_);
  const Address scope = Scope(20, true, false);
  const Address shield = Scope(1e300, false, true);
  const Address entered = Status(scope, inner_);
  const Address inside = Status(shield, entered);
  const Address nursery = Nursery(main, inside, shield);
  const Address child = Task("child", nursery, inside);
  const Address system = Task("system", init_nursery_, inner_);
  Set(task_, system, "custom_sleep_data", child);

  const TrioTaskList list = ListRun({main, child, system}, main);
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_EQ(list.tasks.size(), 4u);  // in the order in which they were made
  EXPECT_EQ(list.tasks[0].object, init_);
  EXPECT_EQ(list.tasks[0].role, TrioTask::Role::kInit);
  EXPECT_TRUE(list.tasks[0].scopes.parent.is_null());
  ASSERT_EQ(list.tasks[0].scopes.entered.size(), 2u);
  EXPECT_EQ(list.tasks[0].scopes.entered[1].nursery, init_nursery_);
  EXPECT_EQ(list.tasks[0].scopes.entered[1].deadline, 10.5);

  const TrioTask& found = list.tasks[1];
  EXPECT_EQ(found.name, "main");
  EXPECT_TRUE(found.running);
  EXPECT_EQ(found.role, TrioTask::Role::kMain);
  EXPECT_EQ(found.thread_ident, other_.ident);
  EXPECT_EQ(found.scopes.parent, init_);
  EXPECT_EQ(found.scopes.parent_scope, init_scope_);
  ASSERT_TRUE(found.scopes.problem.ok()) << found.scopes.problem;
  ASSERT_EQ(found.scopes.entered.size(), 2u);
  EXPECT_EQ(found.scopes.entered[0].object, scope);
  EXPECT_TRUE(found.scopes.entered[0].nursery.is_null());
  EXPECT_EQ(found.scopes.entered[0].deadline, 20.0);
  EXPECT_EQ(found.scopes.entered[0].cancelled, true);
  EXPECT_EQ(found.scopes.entered[1].nursery, nursery);
  EXPECT_EQ(found.scopes.entered[1].shield, true);

  EXPECT_EQ(list.tasks[2].scopes.parent, main);
  EXPECT_EQ(list.tasks[2].scopes.parent_scope, shield);
  EXPECT_THAT(list.tasks[2].scopes.entered, IsEmpty());
  EXPECT_EQ(list.tasks[2].role, TrioTask::Role::kOrdinary);
  EXPECT_EQ(list.tasks[3].role, TrioTask::Role::kSystem);
  EXPECT_EQ(list.tasks[3].sleep_data, child);
}

TEST_P(TrioRunTest, OneThatCannotBeRead) {
  const Address good = Task("good", init_nursery_, inner_);
  const Address bad = Task("bad", init_nursery_, inner_);
  Set(task_, bad, "name", heap.Int(3));
  const TrioTaskList list = ListRun({good, bad});
  ASSERT_EQ(list.problems.size(), 1u);
  EXPECT_THAT(std::string(list.problems[0].message()), HasSubstr("name is no text"));
  ASSERT_EQ(list.tasks.size(), 3u);
  EXPECT_TRUE(list.tasks[1].known);
  EXPECT_FALSE(list.tasks[2].known);
  EXPECT_EQ(list.tasks[2].scopes.parent, init_);
}

// What another release of the library has not, and what is something else there.
TEST_P(TrioRunTest, AttributesThatAreNotThere) {
  const Address scope = Scope(5, false, false);
  Set(scope_, scope, "_shield", Address());
  Set(scope_, scope, "_cancel_called", heap.Int(1));
  const Address task = Task("task", init_nursery_, Status(scope, inner_));
  const Address other = Task("other", init_nursery_, inner_);
  Set(task_, other, "_child_nurseries", Address());
  const TrioTaskList list = ListRun({task, other});
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_EQ(list.tasks.size(), 3u);
  const TaskScopes& scopes = list.tasks[1].scopes;
  ASSERT_EQ(scopes.entered.size(), 1u);
  EXPECT_EQ(scopes.entered[0].deadline, 5.0);
  EXPECT_EQ(scopes.entered[0].cancelled, std::nullopt);
  EXPECT_EQ(scopes.entered[0].shield, std::nullopt);
  EXPECT_THAT(std::string(scopes.problem.message()), HasSubstr("_cancel_called is neither True nor False"));
  EXPECT_THAT(std::string(list.tasks[2].scopes.problem.message()), HasSubstr("no attribute _child_nurseries"));
}

TEST_P(TrioRunTest, ScopesInACircle) {
  const Address scope = Scope(5, false, false);
  const Address status = Status(scope, heap.None());
  Set(status_, status, "_parent", status);
  const TrioTaskList list = ListRun({Task("task", init_nursery_, status)});
  ASSERT_EQ(list.tasks.size(), 2u);
  EXPECT_THAT(std::string(list.tasks[1].scopes.problem.message()), HasSubstr("do not end"));
  EXPECT_EQ(list.tasks[1].name, "task");
}

TEST_P(TrioRunTest, ScopesThatLeadElsewhere) {
  const TrioTaskList list = ListRun({Task("task", init_nursery_, Status(Scope(5, false, false), heap.None()))});
  ASSERT_EQ(list.tasks.size(), 2u);
  EXPECT_THAT(std::string(list.tasks[1].scopes.problem.message()), HasSubstr("do not lead to that of its nursery"));
  EXPECT_EQ(list.tasks[1].scopes.parent, init_);
  EXPECT_EQ(list.tasks[1].scopes.entered.size(), 1u);
}

TEST_P(TrioTasksTest, NoRun) {
  const TrioTaskList list = List(Local(other_, {}));
  EXPECT_THAT(list.tasks, IsEmpty());
  EXPECT_THAT(list.problems, IsEmpty());
}

TEST_P(TrioTasksTest, NoThreadLocal) {
  const TrioTaskList list = List(heap.Dict({}));
  EXPECT_THAT(list.tasks, IsEmpty());
  ASSERT_EQ(list.problems.size(), 1u);
  EXPECT_THAT(std::string(list.problems[0].message()), HasSubstr("what should be a threading.local is none"));
}

TEST_P(TrioTasksTest, ARunnerWithoutTasks) {
  const Address runner = Runner({}, heap.None(), heap.None());
  Set(runner_, runner, "tasks", heap.Int(1));
  const TrioTaskList list = List(Local(thread_, {{heap.Str("runner"), runner}}));
  EXPECT_THAT(list.tasks, IsEmpty());
  ASSERT_EQ(list.problems.size(), 1u);
  EXPECT_THAT(std::string(list.problems[0].message()), HasSubstr("no set"));
}

}  // namespace
}  // namespace pysnap::testing
