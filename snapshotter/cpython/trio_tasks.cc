#include "snapshotter/cpython/trio_tasks.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/instance_reader.h"
#include "snapshotter/cpython/module_globals.h"
#include "snapshotter/cpython/name_lookup.h"
#include "snapshotter/cpython/sequence_reader.h"
#include "snapshotter/cpython/set_reader.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/thread_locals.h"

namespace pysnap {
namespace {

// Bounds a set that a corrupted target has made up.
constexpr size_t kMaxTasks = 10'000'000;

// The tasks of one Runner. All names of attributes are those of trio/_core/_run.py, 0.12 to 0.35.
class RunLister {
 public:
  RunLister(const Runtime& runtime, Memory& memory, InstanceReader& reader, TrioTaskList& list)
      : runtime_(runtime), memory_(memory), reader_(reader), list_(list) {}

  absl::Status Add(Address runner, int64_t interpreter_id, uint64_t thread_ident, Address current) {
    for (const auto& [member, name] : {std::make_pair(&main_, "main_task"), std::make_pair(&init_, "init_task")}) {
      absl::StatusOr<Address> value = reader_.GetUnlessNone(runner, name);
      Check(value.status());
      if (value.ok()) *member = *value;
    }
    ASSIGN_OR_RETURN(const Address tasks, reader_.Get(runner, "tasks"));
    ASSIGN_OR_RETURN(const bool is_set, IsInstance(runtime_, memory_, tasks, runtime_.Symbol("PySet_Type")));
    if (!is_set) return absl::DataLossError("what has the tasks is no set");
    ASSIGN_OR_RETURN(const SetTable table, ReadSetTable(runtime_, memory_, tasks));
    if (table.used > kMaxTasks) return absl::DataLossError(absl::StrFormat("%d tasks", table.used));
    std::vector<Address> elements;
    ASSIGN_OR_RETURN(const uint64_t count, VisitSet(runtime_, memory_, table, 0, table.used, [&](Address task) {
                       elements.push_back(task);
                       return true;
                     }));
    if (count != table.used) {
      Check(absl::AbortedError(absl::StrFormat("caught while it changed: %d tasks of %d", count, table.used)));
    }
    std::vector<std::pair<uint64_t, TrioTask>> found;
    for (const Address object : elements) {
      TrioTask task;
      task.object = object;
      task.interpreter_id = interpreter_id;
      task.thread_ident = thread_ident;
      task.runner = runner;
      task.running = object == current;
      const absl::Status status = Describe(task);
      task.known = status.ok();
      Check(Of(object, status));
      found.emplace_back(Number(object), std::move(task));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first, a.second.object) < std::tie(b.first, b.second.object);
    });
    for (auto& [number, task] : found) list_.tasks.push_back(std::move(task));
    return absl::OkStatus();
  }

 private:
  static absl::Status Of(Address task, const absl::Status& status) {
    return status.ok() ? status
                       : absl::Status(status.code(), absl::StrFormat("task %#x: %s", task.value(), status.message()));
  }

  void Check(const absl::Status& status) {
    if (!status.ok()) list_.problems.push_back(status);
  }

  // Of those of the process, in the order in which they were made.
  uint64_t Number(Address task) {
    const absl::StatusOr<double> number = reader_.GetNumber(task, "_counter");
    return number.ok() && *number >= 0 && *number < 1e18 ? static_cast<uint64_t>(*number) : UINT64_MAX;
  }

  absl::Status Describe(TrioTask& task) {
    if (task.object == main_) {
      task.role = TrioTask::Role::kMain;
    } else if (task.object == init_) {
      task.role = TrioTask::Role::kInit;
    }
    task.scopes.Note(ReadPlace(task));
    std::reverse(task.scopes.entered.begin(), task.scopes.entered.end());
    ASSIGN_OR_RETURN(task.name, reader_.GetText(task.object, "name"));
    ASSIGN_OR_RETURN(task.coroutine, reader_.GetUnlessNone(task.object, "coro"));
    ASSIGN_OR_RETURN(task.sleep_data, reader_.GetUnlessNone(task.object, "custom_sleep_data"));
    return absl::OkStatus();
  }

  // Where it is in the tree: what it is a child of, and what it has entered since.
  absl::Status ReadPlace(TrioTask& task) {
    TaskScopes& scopes = task.scopes;
    Address outer;  // the cancel status that it was started with
    ASSIGN_OR_RETURN(const Address nursery, reader_.GetUnlessNone(task.object, "_parent_nursery"));
    if (!nursery.is_null()) {
      ASSIGN_OR_RETURN(scopes.parent, reader_.GetUnlessNone(nursery, "_parent_task"));
      // Runner.init: the children of its nurseries are the main task and the system tasks.
      const bool of_init = !scopes.parent.is_null() && scopes.parent == init_;
      if (of_init && task.role == TrioTask::Role::kOrdinary) task.role = TrioTask::Role::kSystem;
      ASSIGN_OR_RETURN(scopes.parent_scope, reader_.GetUnlessNone(nursery, "cancel_scope"));
      ASSIGN_OR_RETURN(outer, reader_.GetUnlessNone(nursery, "_cancel_status"));
    }
    absl::flat_hash_map<Address, Address> nurseries;  // by cancel scope
    ASSIGN_OR_RETURN(const Address children, reader_.Get(task.object, "_child_nurseries"));
    ASSIGN_OR_RETURN(const std::vector<Address> child_nurseries, ReadItems(runtime_, memory_, children));
    for (const Address child : child_nurseries) {
      ASSIGN_OR_RETURN(const Address scope, reader_.GetUnlessNone(child, "cancel_scope"));
      nurseries.try_emplace(scope, child);
    }
    absl::flat_hash_set<Address> seen;
    ASSIGN_OR_RETURN(Address status, reader_.GetUnlessNone(task.object, "_cancel_status"));
    while (!status.is_null() && status != outer) {
      if (!seen.insert(status).second || seen.size() > kMaxScopes) {
        return absl::DataLossError("its cancel scopes do not end");
      }
      ASSIGN_OR_RETURN(const Address scope, reader_.GetUnlessNone(status, "_scope"));
      if (scope.is_null()) return absl::DataLossError("a cancel status without a scope");
      CancelScopeFacts facts = ReadCancelScope(reader_, scope, scopes.problem);
      const auto owned = nurseries.find(scope);
      if (owned != nurseries.end()) {
        facts.nursery = owned->second;
        nurseries.erase(owned);
      }
      scopes.entered.push_back(facts);
      ASSIGN_OR_RETURN(status, reader_.GetUnlessNone(status, "_parent"));
    }
    if (status != outer) return absl::DataLossError("its cancel scopes do not lead to that of its nursery");
    // As when they were not left in the opposite order.
    if (!nurseries.empty()) return absl::DataLossError("it has a nursery whose cancel scope it is not inside of");
    return absl::OkStatus();
  }

  const Runtime& runtime_;
  Memory& memory_;
  InstanceReader& reader_;
  TrioTaskList& list_;
  Address main_;
  Address init_;
};

// What a thread runs, if it runs anything.
absl::Status AddRun(const Runtime& runtime,
                    Memory& memory,
                    InstanceReader& reader,
                    int64_t interpreter_id,
                    const ThreadLocalDict& context,
                    TrioTaskList& list) {
  NameLookup lookup(runtime, memory);
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> items, lookup.Items(context.dict));
  ASSIGN_OR_RETURN(const Address runner, lookup.Find(items, "runner"));
  if (runner.is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Address current, lookup.Find(items, "task"));
  return RunLister(runtime, memory, reader, list).Add(runner, interpreter_id, context.thread_ident, current);
}

// The runs of one interpreter. Each thread has its own in trio._core._run.GLOBAL_RUN_CONTEXT (0.12 to 0.35), also
// while it runs as a guest and nothing of it is on any stack.
absl::Status AddInterpreter(const Runtime& runtime,
                            Memory& memory,
                            const std::vector<const PythonThread*>& threads,
                            TrioTaskList& list) {
  if (threads[0]->modules.is_null()) return absl::OkStatus();
  NameLookup lookup(runtime, memory);
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> modules, lookup.Items(threads[0]->modules));
  ASSIGN_OR_RETURN(const std::vector<NameLookup::Item> globals,
                   ModuleGlobals(runtime, memory, modules, "trio._core._run"));
  if (globals.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Address context, lookup.Find(globals, "GLOBAL_RUN_CONTEXT"));
  if (context.is_null())
    return absl::UnimplementedError("trio has no GLOBAL_RUN_CONTEXT: it is another release, or being imported");
  ASSIGN_OR_RETURN(const std::vector<ThreadLocalDict> contexts, ReadThreadLocals(runtime, memory, context, threads));
  InstanceReader reader(runtime, memory);
  for (const ThreadLocalDict& each : contexts) {
    const absl::Status status = AddRun(runtime, memory, reader, threads[0]->interpreter_id, each, list);
    if (!status.ok()) list.problems.push_back(status);
  }
  return absl::OkStatus();
}

}  // namespace

TrioTaskList ListTrioTasks(const Runtime& runtime, Memory& memory, const std::vector<PythonThread>& threads) {
  TrioTaskList list;
  for (const std::vector<const PythonThread*>& of_one : ByInterpreter(threads)) {
    const absl::Status status = AddInterpreter(runtime, memory, of_one, list);
    if (!status.ok()) list.problems.push_back(status);
  }
  std::stable_sort(list.tasks.begin(), list.tasks.end(), [](const TrioTask& a, const TrioTask& b) {
    return std::tie(a.interpreter_id, a.thread_ident) < std::tie(b.interpreter_id, b.thread_ident);
  });
  return list;
}

}  // namespace pysnap
