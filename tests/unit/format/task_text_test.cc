// Trees of tasks with scopes, also those that no program can have.
#include "snapshotter/format/task_text.h"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snapshotter/format/json_view.h"
#include "tests/unit/format/test_snapshot.h"

namespace pysnap::format {
namespace {

using ::testing::HasSubstr;

class TaskTextTest : public ::testing::Test {
 protected:
  proto::Task& Task(std::string_view name, uint64_t address, uint64_t parent = 0, uint64_t parent_scope = 0) {
    proto::Task& task = *snapshot_.Record().mutable_task();
    task.set_name(snapshot_.String(name));
    task.set_address(address);
    task.set_state(proto::Task::PENDING);
    task.set_library(proto::Task::TRIO);
    task.set_parent(parent);
    task.set_parent_scope(parent_scope);
    return task;
  }

  static proto::CancelScope& Scope(proto::Task& task, uint64_t address, double deadline) {
    proto::CancelScope& scope = *task.add_scope();
    scope.set_address(address);
    scope.set_deadline(deadline);
    scope.set_cancelled(false);
    scope.set_shield(false);
    return scope;
  }

  std::string Text() {
    std::string text;
    const TextSink sink = [&text](std::string_view part) { text += part; };
    const ShowOptions options;
    const auto loaded = snapshot_.Load();
    TextWriter writer(*loaded, options, sink);
    WriteTasks(*loaded, options, writer);
    writer.Flush();
    return text;
  }

  nlohmann::ordered_json Json() { return JsonView(*snapshot_.Load(), {})["tasks"]; }

  TestSnapshot snapshot_;
  const double none_ = std::numeric_limits<double>::infinity();
};

TEST_F(TaskTextTest, Tree) {
  proto::Task& root = Task("root", 1);
  root.set_role(proto::Task::INIT);
  root.set_native_id(99);
  Scope(root, 11, none_).set_nursery(snapshot_.Int(3));
  proto::CancelScope& other = Scope(root, 12, 2.5);
  other.set_cancelled(true);
  other.set_shield(true);
  Task("child", 2, 1, 11);
  Task("other", 3, 1, 12);
  Task("elsewhere", 4, 1, 13);
  EXPECT_EQ(Text(),
            "\nroot pending, init task, thread 99\n"
            "  nursery\n"
            "    child pending\n"
            "  cancel scope, deadline 2.500, shielded, cancelled\n"
            "    other pending\n"
            "    elsewhere pending\n");
  const auto json = Json();
  EXPECT_EQ(json[0]["scopes"][0]["children"].dump(), "[\"0x2\"]");
  EXPECT_EQ(json[0]["scopes"][0]["has_deadline"], false);
  EXPECT_EQ(json[0]["scopes"][1]["deadline"], 2.5);
  EXPECT_EQ(json[0]["children"].dump(), "[\"0x4\"]");
  EXPECT_EQ(json[1]["parent"], "0x1");
  EXPECT_EQ(json[1]["scopes_absent"], nullptr);
}

TEST_F(TaskTextTest, WhatIsNotKnown) {
  proto::Task& task = Task("task", 1, 77, 78);
  task.add_scope()->set_address(5);
  task.mutable_scopes_absent()->set_reason(proto::Absent::UNREADABLE);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("scopes not read: unreadable"));
  EXPECT_THAT(text, HasSubstr("  cancel scope, not all of it was read\n"));
  const auto json = Json();
  for (const char* fact : {"has_deadline", "deadline", "cancelled", "shield", "line", "frame", "varname"}) {
    EXPECT_EQ(json[0]["scopes"][0][fact], nullptr) << fact;
  }
  EXPECT_EQ(json[0]["parent"], "0x4d");
  EXPECT_EQ(json[0]["scopes_absent"], "unreadable");
}

TEST_F(TaskTextTest, ChildrenOfEachOther) {
  Scope(Task("one", 1, 2, 21), 11, none_);
  Scope(Task("two", 2, 1, 11), 21, none_);
  Task("itself", 3, 3, 31);
  EXPECT_EQ(Text(),
            "\nitself pending\n"
            "\none pending\n"
            "  cancel scope\n"
            "    two pending\n"
            "      cancel scope\n"
            "        one pending (a circle: it waits for itself)\n");
}

}  // namespace
}  // namespace pysnap::format
