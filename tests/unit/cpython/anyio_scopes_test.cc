// What anyio keeps of asyncio's tasks, as it lies in memory, on every layout.
#include "snapshotter/cpython/anyio_scopes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AnyioScopesTest : public EveryBuild {
 protected:
  AnyioScopesTest() {
    const auto define = [this](const std::string& name, const std::vector<std::string>& keys) {
      return heap.Class(name, heap.Symbol("PyBaseObject_Type"), {.shared_keys = keys});
    };
    scope_type_ = define("CancelScope", {"_deadline", "_cancel_called", "_shield", "_host_task", "_parent_scope"});
    state_type_ = define("TaskState", {"cancel_scope"});
    parent_ = heap.Int(1000);
    child_ = heap.Int(2000);
  }

  Address Scope(double deadline, Address host, Address parent) {
    return heap.Instance(scope_type_, {{"_deadline", heap.Float(deadline)},
                                       {"_cancel_called", heap.False()},
                                       {"_shield", heap.True()},
                                       {"_host_task", host},
                                       {"_parent_scope", parent}});
  }

  AnyioScopes Load(const std::vector<std::pair<Address, Address>>& innermost) {
    Entries states;
    for (const auto& [task, scope] : innermost) {
      const auto& l = heap.layout().PyWeakReference;
      const Address reference = heap.Object(heap.Symbol("_PyWeakref_RefType"), static_cast<uint64_t>(l.size_));
      heap.PokePointer(reference + l.wr_object, task);
      states.emplace_back(reference, heap.Instance(state_type_, {{"cancel_scope", scope}}));
    }
    const Address by_task =
        heap.Instance(heap.Class("WeakKeyDictionary", heap.Symbol("PyBaseObject_Type"), {.shared_keys = {"data"}}),
                      {{"data", heap.Dict(states, true)}});
    AnyioScopes scopes(heap.runtime(), heap.memory());
    const Address module = heap.Module({{heap.Str("_task_states"), by_task}});
    EXPECT_TRUE(scopes.Load({{heap.Str("anyio._backends._asyncio"), module}}).ok());
    return scopes;
  }

  Address scope_type_;
  Address state_type_;
  Address parent_;
  Address child_;
};
INSTANTIATE_TEST_SUITE_P(Builds, AnyioScopesTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(AnyioScopesTest, NoAnyio) {
  AnyioScopes scopes(heap.runtime(), heap.memory());
  EXPECT_TRUE(scopes.Load({{heap.Str("sys"), heap.Module({})}}).ok());
  EXPECT_THAT(scopes.Of(parent_).entered, IsEmpty());
}

TEST_P(AnyioScopesTest, OtherRelease) {
  AnyioScopes scopes(heap.runtime(), heap.memory());
  const Address module = heap.Module({{heap.Str("other"), heap.None()}});
  const absl::Status status = scopes.Load({{heap.Str("anyio._backends._asyncio"), module}});
  EXPECT_THAT(std::string(status.message()), HasSubstr("no _task_states"));
}

TEST_P(AnyioScopesTest, ChildOfAGroup) {
  const Address group = Scope(7, parent_, heap.None());
  const Address outer = Scope(8, child_, group);
  const Address inner = Scope(9, child_, outer);
  AnyioScopes scopes = Load({{parent_, group}, {child_, inner}});
  const TaskScopes of_child = scopes.Of(child_);
  EXPECT_TRUE(of_child.problem.ok()) << of_child.problem;
  EXPECT_EQ(of_child.parent, parent_);
  EXPECT_EQ(of_child.parent_scope, group);
  ASSERT_EQ(of_child.entered.size(), 2u);
  EXPECT_EQ(of_child.entered[0].object, outer);
  EXPECT_EQ(of_child.entered[1].object, inner);
  EXPECT_EQ(of_child.entered[1].deadline, 9.0);
  EXPECT_EQ(of_child.entered[1].cancelled, false);
  EXPECT_EQ(of_child.entered[1].shield, true);
  const TaskScopes of_parent = scopes.Of(parent_);
  EXPECT_TRUE(of_parent.parent.is_null());
  EXPECT_EQ(of_parent.entered.size(), 1u);
}

TEST_P(AnyioScopesTest, NoScope) {
  const TaskScopes scopes = Load({{parent_, heap.None()}}).Of(parent_);
  EXPECT_TRUE(scopes.problem.ok());
  EXPECT_THAT(scopes.entered, IsEmpty());
}

TEST_P(AnyioScopesTest, EnteredByNobody) {
  const TaskScopes scopes = Load({{child_, Scope(1, heap.None(), heap.None())}}).Of(child_);
  EXPECT_THAT(std::string(scopes.problem.message()), HasSubstr("nobody has entered"));
  EXPECT_THAT(scopes.entered, IsEmpty());
}

}  // namespace
}  // namespace pysnap::testing
