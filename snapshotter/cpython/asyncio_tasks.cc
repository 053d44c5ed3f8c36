#include "snapshotter/cpython/asyncio_tasks.h"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/anyio_scopes.h"
#include "snapshotter/cpython/module_globals.h"
#include "snapshotter/cpython/set_reader.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Bounds a list that a corrupted target does not close.
constexpr size_t kMaxTasks = 10'000'000;

// "Task-12" after "Task-3": runs of digits compare by their length first.
std::string SortKey(const std::string& name) {
  std::string key;
  for (size_t i = 0; i < name.size();) {
    size_t end = i;
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    if (end == i) {
      key += name[i++];
      continue;
    }
    absl::StrAppend(&key, absl::StrFormat("%06d", end - i), name.substr(i, end - i));
    i = end;
  }
  return key;
}

class Lister {
 public:
  Lister(const Runtime& runtime, Memory& memory, AsyncioTaskList& list)
      : runtime_(runtime), memory_(memory), list_(list) {}

  // The threads of one interpreter.
  void AddInterpreter(const std::vector<const PythonThread*>& threads) {
    if (threads[0]->modules.is_null()) return;
    NameLookup lookup(runtime_, memory_);
    absl::StatusOr<std::vector<Item>> modules = lookup.Items(threads[0]->modules);
    if (!modules.ok()) return Check(modules.status());
    Check(AddModules(lookup, *modules));
    if (futures_ == nullptr) return;
    if (!runtime_.asyncio_problem.empty()) return Check(absl::UnimplementedError(runtime_.asyncio_problem));
    interpreter_id_ = threads[0]->interpreter_id;
    first_ = list_.tasks.size();
    Check(AddRegistered(lookup));
    AddLinked(*threads[0], threads);
    Check(NoteRunning(lookup, threads));
    Describe(threads);
    AddScopes(*modules);
  }

 private:
  using Item = NameLookup::Item;

  void Check(const absl::Status& status) {
    if (!status.ok()) list_.problems.push_back(status);
  }

  absl::Status AddModules(NameLookup& lookup, const std::vector<Item>& modules) {
    futures_ = nullptr;
    ASSIGN_OR_RETURN(tasks_module_, ModuleGlobals(runtime_, memory_, modules, "asyncio.tasks"));
    ASSIGN_OR_RETURN(const std::vector<Item> c_module, ModuleGlobals(runtime_, memory_, modules, "_asyncio"));
    if (tasks_module_.empty() && c_module.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Address future, lookup.Find(c_module, "Future"));
    ASSIGN_OR_RETURN(const Address task, lookup.Find(c_module, "Task"));
    futures_ = std::make_unique<AsyncioFutures>(runtime_, memory_, future, task);
    index_.clear();
    return absl::OkStatus();
  }

  AsyncioTask* Add(Address object) {
    const auto [it, inserted] = index_.try_emplace(object, list_.tasks.size());
    if (inserted) {
      list_.tasks.emplace_back().object = object;
      list_.tasks.back().interpreter_id = interpreter_id_;
    }
    return &list_.tasks[it->second];
  }

  // asyncio.tasks._all_tasks up to 3.11, then _scheduled_tasks: a WeakSet, of which `data` is a set of references; and
  // _eager_tasks, a set (3.12 on).
  absl::Status AddRegistered(NameLookup& lookup) {
    for (const char* name : {"_all_tasks", "_scheduled_tasks", "_eager_tasks"}) {
      ASSIGN_OR_RETURN(Address set, lookup.Find(tasks_module_, name));
      if (set.is_null()) continue;
      ASSIGN_OR_RETURN(const Address type, memory_.ReadPointer(set + runtime_.layout.PyObject.ob_type));
      const bool weak = type != runtime_.Symbol("PySet_Type");
      if (weak) {
        ASSIGN_OR_RETURN(set, lookup.Attribute(set, "data"));
        if (set.is_null()) continue;
      }
      ASSIGN_OR_RETURN(const SetTable table, ReadSetTable(runtime_, memory_, set));
      if (table.used > kMaxTasks) return absl::DataLossError(absl::StrFormat("%d tasks in %s", table.used, name));
      std::vector<Address> elements;
      ASSIGN_OR_RETURN(const uint64_t count, VisitSet(runtime_, memory_, table, 0, table.used, [&](Address element) {
                         elements.push_back(element);
                         return true;
                       }));
      if (count != table.used) {
        Check(absl::AbortedError(absl::StrFormat("%s was caught while it changed: %d of %d", name, count, table.used)));
      }
      for (Address task : elements) {
        if (weak) {
          ASSIGN_OR_RETURN(task, memory_.ReadPointer(task + runtime_.layout.PyWeakReference.wr_object));
        }
        // What a dead reference refers to is None.
        if (!task.is_null() && task != runtime_.Symbol("_Py_NoneStruct")) Add(task);
      }
    }
    return absl::OkStatus();
  }

  // From 3.14 on C's tasks are in a list of the thread that made them, and of the interpreter when that has ended
  // (Modules/_asynciomodule.c: register_task).
  void AddLinked(const PythonThread& any, const std::vector<const PythonThread*>& threads) {
    const Offset of_thread = runtime_.layout.PyThreadState.asyncio_tasks_head;
    const Offset of_interpreter = runtime_.layout.PyInterpreterState.asyncio_tasks_head;
    if (of_thread == kNoOffset) return;
    for (const PythonThread* thread : threads) Check(AddList(thread->state + of_thread));
    if (of_interpreter != kNoOffset) Check(AddList(any.interpreter + of_interpreter));
  }

  absl::Status AddList(Address head) {
    const auto& node = runtime_.layout.llist_node;
    Address at = head;
    for (size_t count = 0;; ++count) {
      ASSIGN_OR_RETURN(const Address next, memory_.ReadPointer(at + node.next));
      if (next == head) return absl::OkStatus();
      ASSIGN_OR_RETURN(const Address previous, memory_.ReadPointer(next + node.prev));
      const Address task = next - runtime_.layout.TaskObj.task_node;
      if (previous != at || count > kMaxTasks || !futures_->IsTask(task)) {
        return absl::DataLossError(absl::StrFormat("the list of asyncio's tasks is broken at %#x", next.value()));
      }
      Add(task);
      at = next;
    }
  }

  // In the thread from 3.14 on, else in asyncio.tasks._current_tasks, by loop.
  absl::Status NoteRunning(NameLookup& lookup, const std::vector<const PythonThread*>& threads) {
    const auto& layout = runtime_.layout.PyThreadState;
    if (layout.asyncio_running_task != kNoOffset) {
      for (const PythonThread* thread : threads) {
        ASSIGN_OR_RETURN(const Address task, memory_.ReadPointer(thread->state + layout.asyncio_running_task));
        if (!task.is_null()) Add(task)->running = true;
      }
    }
    ASSIGN_OR_RETURN(const Address current, lookup.Find(tasks_module_, "_current_tasks"));
    if (current.is_null()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<Item> items, lookup.Items(current));
    for (const auto& [loop, task] : items) {
      if (task != runtime_.Symbol("_Py_NoneStruct")) Add(task)->running = true;
    }
    return absl::OkStatus();
  }

  // Reads every task, and those found on the way to wait for one.
  void Describe(const std::vector<const PythonThread*>& threads) {
    for (size_t i = first_; i < list_.tasks.size(); ++i) {
      const Address object = list_.tasks[i].object;
      absl::StatusOr<TaskFacts> facts = futures_->ReadTask(object);
      absl::StatusOr<std::vector<Address>> awaited_by = futures_->AwaitedBy(object);
      for (const absl::Status& status : {facts.status(), awaited_by.status()}) {
        if (status.ok()) continue;
        Check(absl::Status(status.code(), absl::StrFormat("task %#x: %s", object.value(), status.message())));
      }
      if (awaited_by.ok()) {
        for (const Address waiter : *awaited_by) Add(waiter);
        list_.tasks[i].awaited_by = *std::move(awaited_by);
      }
      if (!facts.ok()) continue;
      list_.tasks[i].thread_ident = ThreadOf(facts->loop, threads);
      list_.tasks[i].facts = *std::move(facts);
    }
  }

  // What anyio knows of the interpreter's tasks.
  void AddScopes(const std::vector<Item>& modules) {
    AnyioScopes anyio(runtime_, memory_);
    const absl::Status status = anyio.Load(modules);
    if (!status.ok()) Check(absl::Status(status.code(), absl::StrCat("of anyio: ", status.message())));
    absl::flat_hash_set<std::pair<size_t, Address>> known;  // scopes by the place of the task
    for (size_t i = first_; i < list_.tasks.size(); ++i) {
      list_.tasks[i].scopes = anyio.Of(list_.tasks[i].object);
      for (const CancelScopeFacts& scope : list_.tasks[i].scopes.entered) known.emplace(i, scope.object);
    }
    for (size_t i = first_; i < list_.tasks.size(); ++i) {
      const TaskScopes& child = list_.tasks[i].scopes;
      const auto parent = index_.find(child.parent);
      if (child.parent.is_null() || parent == index_.end()) continue;
      TaskScopes& scopes = list_.tasks[parent->second].scopes;
      if (!known.emplace(parent->second, child.parent_scope).second) continue;
      scopes.entered.push_back(anyio.Scope(child.parent_scope, scopes.problem));
    }
  }

  // BaseEventLoop._thread_id is set while it runs; the running loop is in its thread, too (3.13 on).
  uint64_t ThreadOf(Address loop, const std::vector<const PythonThread*>& threads) {
    if (loop.is_null()) return 0;
    const auto [it, inserted] = loop_threads_.try_emplace(loop, 0);
    if (!inserted) return it->second;
    const Offset running_loop = RunningLoopOffset();
    if (running_loop != kNoOffset) {
      for (const PythonThread* thread : threads) {
        const absl::StatusOr<Address> running = memory_.ReadPointer(thread->state + running_loop);
        if (running.ok() && *running == loop) return it->second = thread->ident;
      }
    }
    NameLookup lookup(runtime_, memory_);
    for (const PythonThread* thread : threads) {
      if (LoopInDict(lookup, *thread).value_or(Address()) == loop) return it->second = thread->ident;
    }
    const absl::StatusOr<Address> ident = lookup.Attribute(loop, "_thread_id");
    if (!ident.ok() || ident->is_null() || *ident == runtime_.Symbol("_Py_NoneStruct")) return 0;
    return it->second = lookup.Unsigned(*ident).value_or(0);
  }

  // Where it is not known because the thread's struct has grown since, it still follows at its end (3.13,
  // Include/internal/pycore_tstate.h: _PyThreadStateImpl).
  Offset RunningLoopOffset() const {
    const auto& layout = runtime_.layout.PyThreadState;
    const auto& tabled = runtime_.version->release->PyThreadState;
    if (layout.asyncio_running_loop != kNoOffset || tabled.asyncio_running_loop == kNoOffset) {
      return layout.asyncio_running_loop;
    }
    return tabled.asyncio_running_loop == tabled.base_size ? layout.base_size : kNoOffset;
  }

  // The loop that the thread runs, as its dict has it up to 3.12 (Modules/_asynciomodule.c: set_running_loop); null:
  // none.
  absl::StatusOr<Address> LoopInDict(NameLookup& lookup, const PythonThread& thread) {
    ASSIGN_OR_RETURN(const Address dict, memory_.ReadPointer(thread.state + runtime_.layout.PyThreadState.dict));
    if (dict.is_null()) return Address();
    ASSIGN_OR_RETURN(const std::vector<Item> items, lookup.Items(dict));
    ASSIGN_OR_RETURN(const Address value, lookup.Find(items, "__asyncio_running_event_loop__"));
    const Offset held = runtime_.layout.PyRunningLoopHolder.rl_loop;
    return value.is_null() || held == kNoOffset ? value : memory_.ReadPointer(value + held);
  }

  const Runtime& runtime_;
  Memory& memory_;
  AsyncioTaskList& list_;
  int64_t interpreter_id_ = 0;
  size_t first_ = 0;  // of the interpreter's tasks
  std::vector<Item> tasks_module_;
  std::unique_ptr<AsyncioFutures> futures_;  // null: the interpreter has no asyncio
  absl::flat_hash_map<Address, size_t> index_;
  absl::flat_hash_map<Address, uint64_t> loop_threads_;
};

}  // namespace

AsyncioTaskList ListAsyncioTasks(const Runtime& runtime, Memory& memory, const std::vector<PythonThread>& threads) {
  AsyncioTaskList list;
  Lister lister(runtime, memory, list);
  for (const auto& of_one : ByInterpreter(threads)) lister.AddInterpreter(of_one);
  const auto key = [](const AsyncioTask& task) {
    return std::make_tuple(task.interpreter_id, task.thread_ident, SortKey(task.facts.name), task.object);
  };
  std::sort(list.tasks.begin(), list.tasks.end(),
            [&key](const AsyncioTask& a, const AsyncioTask& b) { return key(a) < key(b); });
  return list;
}

}  // namespace pysnap
