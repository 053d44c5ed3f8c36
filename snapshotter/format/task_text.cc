#include "snapshotter/format/task_text.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/format/exception_view.h"
#include "snapshotter/format/loop_view.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/task_view.h"
#include "snapshotter/format/task_wait.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

// Names of tasks that are told of a group.
constexpr size_t kFirstNames = 8;
// Deeper, a line is all indentation.
constexpr size_t kMaxDepth = 40;
// Of a loop, of each kind.
constexpr size_t kMaxHandles = 20;

class Tree {
 public:
  Tree(const LoadedSnapshot& snapshot, const ShowOptions& options, TextWriter& writer)
      : snapshot_(snapshot),
        options_(options),
        style_(options.color),
        writer_(writer),
        tasks_(ViewTasks(snapshot)),
        shown_(tasks_.size()),
        on_path_(tasks_.size()) {}

  void Write() {
    if (tasks_.empty()) return writer_.Line("no asyncio or trio tasks");
    std::vector<size_t> roots;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (tasks_[i].awaited_by.empty() && !tasks_[i].parent.has_value()) roots.push_back(i);
    }
    Siblings(roots);
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (!shown_[i]) Siblings({i});
    }
  }

  void WriteLoops(const LoadedSnapshot& snapshot) {
    for (const LoopView& loop : ViewLoops(snapshot)) {
      if (loop.ready.empty() && loop.scheduled.empty() && loop.unknown.empty()) continue;
      writer_.Line("");
      writer_.Line(absl::StrCat(style_(Color::kHeading, "Loop "), writer_.ValueText(loop.object),
                                loop.native_id == 0 ? "" : absl::StrCat(" of thread ", loop.native_id)));
      if (!loop.unknown.empty()) {
        writer_.Line(
            absl::StrCat("  ", style_(Color::kWarning, "what it is about to call was not read: " + loop.unknown)));
      }
      Handles(loop.ready, "ready");
      Handles(loop.scheduled, "scheduled");
    }
  }

 private:
  // A task and those of its siblings that look the same.
  struct Group {
    size_t first;
    std::vector<size_t> others;
  };
  // How a task hangs below another.
  enum class Relation { kNone, kAwaited, kChild };
  struct Step {
    Group group;
    size_t depth;
    Relation relation = Relation::kNone;
    bool leave = false;                // all below it were told
    const ScopeView* scope = nullptr;  // tells this one of the task's, and its children
  };

  std::vector<Group> GroupsOf(const std::vector<size_t>& siblings) {
    std::vector<Group> groups;
    absl::flat_hash_map<std::string, size_t> alike;
    for (const size_t i : siblings) {
      const TaskView& task = tasks_[i];
      // One that waits for tasks, that has finished, or that several wait for, stands for itself.
      if (!task.awaits.empty() || task.has_children() || task.frames.empty() || task.awaited_by.size() > 1 ||
          shown_[i]) {
        groups.push_back({i, {}});
        continue;
      }
      std::string key = absl::StrCat(task.task->state(), " ", task.task->loop());
      for (const FrameView& frame : task.frames) absl::StrAppend(&key, " ", frame.frame->code(), ":", frame.lasti);
      for (const ScopeView& scope : task.scopes) {
        absl::StrAppend(&key, " ", scope.scope->cancelled(), ":", scope.scope->shield());
      }
      const auto [it, inserted] = alike.try_emplace(std::move(key), groups.size());
      if (inserted) {
        groups.push_back({i, {}});
      } else {
        groups[it->second].others.push_back(i);
      }
    }
    return groups;
  }

  // With all that hangs below. Iterative, as chains of tasks may be long.
  void Siblings(const std::vector<size_t>& siblings) {
    std::vector<Step> pending;
    const auto push = [&](const std::vector<size_t>& tasks, size_t depth, Relation relation) {
      std::vector<Group> groups = GroupsOf(tasks);
      for (auto it = groups.rbegin(); it != groups.rend(); ++it) pending.push_back({std::move(*it), depth, relation});
    };
    push(siblings, 0, Relation::kNone);
    while (!pending.empty()) {
      const Step step = std::move(pending.back());
      pending.pop_back();
      const size_t first = step.group.first;
      if (step.leave) {
        on_path_[first] = false;
        continue;
      }
      if (step.scope != nullptr) {
        Scope(tasks_[first], *step.scope, step.depth);
        push(step.scope->children, step.depth + 1, Relation::kChild);
        continue;
      }
      if (!Task(step.group, step.depth, step.relation)) continue;
      on_path_[first] = true;
      pending.push_back({.group = step.group, .depth = step.depth, .leave = true});
      push(AwaitedBy(first), step.depth + 1, Relation::kAwaited);
      push(tasks_[first].children, step.depth + 1, Relation::kChild);
      const std::vector<ScopeView>& scopes = tasks_[first].scopes;
      for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
        pending.push_back({.group = {first, {}}, .depth = step.depth, .scope = &*scope});
      }
    }
  }

  // Those that it waits for and that are not below it as its children.
  std::vector<size_t> AwaitedBy(size_t waiter) {
    std::vector<size_t> awaited;
    for (const size_t i : tasks_[waiter].awaits) {
      if (tasks_[i].parent != waiter) awaited.push_back(i);
    }
    return awaited;
  }

  void Scope(const TaskView& task, const ScopeView& view, size_t depth) {
    std::string line = absl::StrCat(std::string(4 * std::min(depth, kMaxDepth) + 2, ' '), view.kind);
    if (!view.target.empty()) absl::StrAppend(&line, style_(Color::kDim, " as "), style_(Color::kLocal, view.target));
    std::string facts;
    if (view.frame.has_value()) {
      if (view.line != 0) absl::StrAppend(&facts, ", line ", view.line);
      absl::StrAppend(&facts, " in ", Harmless(task.frames[*view.frame].qualname));
    }
    const proto::CancelScope& scope = *view.scope;
    if (!scope.has_deadline() || !scope.has_cancelled() || !scope.has_shield()) {
      facts += ", not all of it was read";
    }
    if (scope.has_deadline() && std::isfinite(scope.deadline())) {
      absl::StrAppend(&facts, absl::StrFormat(", deadline %.3f", scope.deadline()));
    }
    if (scope.shield()) facts += ", shielded";
    writer_.Line(absl::StrCat(line, style_(Color::kDim, facts),
                              scope.cancelled() ? style_(Color::kWarning, ", cancelled") : std::string()));
  }

  void Handles(const std::vector<HandleView>& handles, const char* what) {
    for (size_t i = 0; i < std::min(handles.size(), kMaxHandles); ++i) {
      const HandleView& handle = handles[i];
      std::string call = writer_.ValueText(handle.callback);
      for (const uint32_t argument : handle.arguments) absl::StrAppend(&call, ", ", writer_.ValueText(argument));
      const std::string when = handle.when.has_value() ? absl::StrFormat(" at %.3f", *handle.when) : std::string();
      writer_.Line(absl::StrCat(
          "  ", style_(Color::kDim, absl::StrCat(what, when, handle.is_cancelled ? ", cancelled" : "")), " ", call));
    }
    if (handles.size() > kMaxHandles) {
      writer_.Line(
          absl::StrCat("  ", style_(Color::kDim, absl::StrCat("and ", handles.size() - kMaxHandles, " more ", what))));
    }
  }

  // Whether what it waits for is still to be told.
  bool Task(const Group& group, size_t depth, Relation relation) {
    const TaskView& task = tasks_[group.first];
    const std::string indent(4 * std::min(depth, kMaxDepth), ' ');
    std::string title = absl::StrCat(indent, relation == Relation::kAwaited ? style_(Color::kDim, "waits for ") : "",
                                     style_(Color::kHeading, NameOf(task)), " ",
                                     style_(Color::kDim, task.state == nullptr ? "of unknown state" : task.state));
    if (!task.coroutine.empty()) absl::StrAppend(&title, ", ", style_(Color::kName, task.coroutine), "()");
    if (task.role != nullptr) absl::StrAppend(&title, style_(Color::kDim, absl::StrCat(", ", task.role, " task")));
    // There is one of each run.
    if (task.task->role() == proto::Task::INIT && task.task->native_id() != 0) {
      absl::StrAppend(&title, style_(Color::kDim, absl::StrCat(", thread ", task.task->native_id())));
    }
    if (shown_[group.first]) {
      writer_.Line(absl::StrCat(title, " ",
                                on_path_[group.first] ? style_(Color::kWarning, "(a circle: it waits for itself)")
                                                      : style_(Color::kDim, "(shown above)")));
      return false;
    }
    shown_[group.first] = true;
    if (depth == 0) writer_.Line("");
    writer_.Line(title);
    Others(group.others, indent + "  ");
    writer_.ExplainAgain();
    writer_.Frames(task.frames, indent + "  ", {});
    if (task.leaf != 0) {
      writer_.Line(absl::StrCat(indent, "    ", style_(Color::kDim, "awaits "), writer_.ValueText(task.leaf)));
    } else if (task.task->library() == proto::Task::TRIO && task.task->waiter() != 0) {
      writer_.Line(
          absl::StrCat(indent, "    ", style_(Color::kDim, "sleeps with "), writer_.ValueText(task.task->waiter())));
    }
    if (const std::optional<TaskWait> wait = WaitOf(snapshot_, task); wait.has_value() && wait->says_more()) {
      const std::string what = DescribeWait(snapshot_, tasks_, group.first, *wait, options_.max_repr);
      writer_.Line(absl::StrCat(indent, "    ", style_(Color::kDim, "waits for "), what));
    }
    if (task.task->has_scopes_absent()) {
      writer_.Line(absl::StrCat(indent, "    ",
                                style_(Color::kWarning, "scopes not read: " + AbsentText(task.task->scopes_absent()))));
    }
    if (task.exception != 0) {
      writer_.Line(absl::StrCat(indent, "    ", style_(Color::kDim, "raised "), writer_.ValueText(task.exception)));
    } else if (task.result != 0) {
      writer_.Line(absl::StrCat(indent, "    ", style_(Color::kDim, "result "), writer_.ValueText(task.result)));
    }
    return true;
  }

  void Others(const std::vector<size_t>& others, const std::string& indent) {
    if (others.empty()) return;
    std::string names;
    for (size_t i = 0; i < std::min(others.size(), kFirstNames); ++i) {
      absl::StrAppend(&names, i == 0 ? "" : ", ", Harmless(NameOf(tasks_[others[i]])));
    }
    if (others.size() > kFirstNames) absl::StrAppend(&names, ", …");
    writer_.Line(absl::StrCat(
        indent, style_(Color::kDim, absl::StrCat("and ", others.size(), " more in the same place: ")), names));
    for (const size_t i : others) shown_[i] = true;
  }

  static std::string NameOf(const TaskView& task) {
    return task.name.empty() ? std::string("a task") : std::string(task.name);
  }

  const LoadedSnapshot& snapshot_;
  const ShowOptions& options_;
  const Style style_;
  TextWriter& writer_;
  const std::vector<TaskView> tasks_;
  std::vector<bool> shown_;
  std::vector<bool> on_path_;
};

}  // namespace

void WriteTasks(const LoadedSnapshot& snapshot, const ShowOptions& options, TextWriter& writer) {
  Tree tree(snapshot, options, writer);
  tree.Write();
  tree.WriteLoops(snapshot);
}

}  // namespace pysnap::format
