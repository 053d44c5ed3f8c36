#include "snapshotter/cpython/asyncio_futures.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/sequence_reader.h"
#include "snapshotter/cpython/set_reader.h"
#include "snapshotter/cpython/subtype.h"
#include "snapshotter/cpython/text.h"

namespace pysnap {
namespace {

// Bounds what a corrupted target can make of a chain of futures.
constexpr size_t kMaxFutures = size_t{1} << 20;

// Functions of asyncio that are called when a future is done and then set another one, which they have in their closure
// under this name (3.8 to 3.13).
struct Relay {
  const char* function;
  const char* variable;
};
constexpr Relay kRelays[] = {
    {"asyncio.tasks:gather.<locals>._done_callback", "outer"},
    {"asyncio.tasks:_gather.<locals>._done_callback", "outer"},  // 3.9
    {"asyncio.tasks:shield.<locals>._inner_done_callback", "outer"},
    {"asyncio.tasks:_wait.<locals>._on_completion", "waiter"},
};
// wait_for() up to 3.11: functools.partial(_release_waiter, waiter).
constexpr char kReleaseWaiter[] = "asyncio.tasks:_release_waiter";
// A TaskGroup's, which lets its parent go on.
constexpr char kGroupCallback[] = "asyncio.taskgroups:TaskGroup._on_task_done";
// Task.__wakeup of Lib/asyncio/tasks.py.
constexpr char kPythonWakeup[] = "asyncio.tasks:Task.__wakeup";
// What C's tasks give the futures they wait for: an object up to 3.9, then a bound method of this name.
constexpr char kWakeupType[] = "TaskWakeupMethWrapper";
constexpr char kWakeupMethod[] = "task_wakeup";

}  // namespace

AsyncioFutures::AsyncioFutures(const Runtime& runtime, Memory& memory, Address c_future, Address c_task)
    : runtime_(runtime),
      memory_(memory),
      c_future_(c_future),
      c_task_(c_task),
      lookup_(runtime, memory),
      code_reader_(runtime, memory) {}

bool AsyncioFutures::IsTask(Address object) {
  const Kind kind = KindOf(object);
  if (kind != Kind::kOther) return kind == Kind::kTask;
  const absl::StatusOr<Address> coroutine = lookup_.Attribute(object, "_coro");
  const absl::StatusOr<Address> callbacks = lookup_.Attribute(object, "_callbacks");
  return coroutine.ok() && !coroutine->is_null() && callbacks.ok() && !callbacks->is_null();
}

absl::StatusOr<TaskFacts> AsyncioFutures::ReadTask(Address task) {
  const auto& layout = runtime_.layout.TaskObj;
  TaskFacts facts;
  ASSIGN_OR_RETURN(facts.name, NameOf(task));
  ASSIGN_OR_RETURN(facts.state, StateOf(task));
  ASSIGN_OR_RETURN(facts.coroutine, Field(task, layout.task_coro, "_coro"));
  ASSIGN_OR_RETURN(facts.waiter, Field(task, layout.task_fut_waiter, "_fut_waiter"));
  ASSIGN_OR_RETURN(facts.loop, Field(task, layout.task_loop, "_loop"));
  return facts;
}

absl::StatusOr<std::vector<Address>> AsyncioFutures::AwaitedBy(Address task) {
  std::vector<Address> tasks;
  std::vector<Address> pending = {task};
  absl::flat_hash_set<Address> seen;
  const auto reach = [&](Address object) {
    if (object.is_null() || !seen.insert(object).second) return;
    IsTask(object) ? tasks.push_back(object) : pending.push_back(object);
  };
  while (!pending.empty()) {
    const Address future = pending.back();
    pending.pop_back();
    if (seen.size() > kMaxFutures) return absl::DataLossError("a chain of futures that does not end");
    ASSIGN_OR_RETURN(const std::optional<std::vector<Address>> noted, NotedWaiters(future));
    if (noted.has_value()) {
      for (const Address waiter : *noted) reach(waiter);
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<Address> callbacks, CallbacksOf(future));
    for (const Address callback : callbacks) {
      ASSIGN_OR_RETURN(const Address woken, WokenBy(callback));
      reach(woken);
    }
  }
  return tasks;
}

AsyncioFutures::Kind AsyncioFutures::KindOf(Address object) {
  const absl::StatusOr<Address> type = TypeOf(object);
  if (!type.ok()) return Kind::kOther;
  const auto [it, inserted] = kinds_.try_emplace(*type, Kind::kOther);
  if (inserted) {
    const auto extends = [&](Address base) {
      return !base.is_null() && IsSubtype(runtime_, memory_, *type, base).value_or(false);
    };
    if (extends(c_task_)) {
      it->second = Kind::kTask;
    } else if (extends(c_future_)) {
      it->second = Kind::kFuture;
    }
  }
  return it->second;
}

absl::StatusOr<Address> AsyncioFutures::Field(Address future, Offset offset, const char* attribute) {
  Address value;
  if (KindOf(future) == Kind::kOther) {
    ASSIGN_OR_RETURN(value, lookup_.Attribute(future, attribute));
  } else {
    ASSIGN_OR_RETURN(value, memory_.ReadPointer(future + offset));
  }
  return value == runtime_.Symbol("_Py_NoneStruct") ? Address() : value;
}

absl::StatusOr<std::string> AsyncioFutures::NameOf(Address task) {
  ASSIGN_OR_RETURN(const Address name, Field(task, runtime_.layout.TaskObj.task_name, "_name"));
  if (name.is_null()) return std::string();
  ASSIGN_OR_RETURN(const Address type, TypeOf(name));
  // From 3.13 on a number stands for the name that is made when somebody asks for it (task_get_name).
  if (type == runtime_.Symbol("PyLong_Type")) {
    ASSIGN_OR_RETURN(const uint64_t number, lookup_.Unsigned(name));
    return absl::StrCat("Task-", number);
  }
  if (type != runtime_.Symbol("PyUnicode_Type")) return absl::DataLossError("a task's name is no text");
  return ReadText(runtime_, memory_, name);
}

absl::StatusOr<FutureState> AsyncioFutures::StateOf(Address future) {
  if (KindOf(future) != Kind::kOther) {
    // fut_state, Modules/_asynciomodule.c.
    ASSIGN_OR_RETURN(const int32_t state, memory_.ReadValue<int32_t>(future + runtime_.layout.FutureObj.fut_state));
    switch (state) {
      case 0:
        return FutureState::kPending;
      case 1:
        return FutureState::kCancelled;
      case 2:
        return FutureState::kFinished;
      default:
        return absl::DataLossError(absl::StrFormat("a future's state is %d", state));
    }
  }
  ASSIGN_OR_RETURN(const Address state, lookup_.Attribute(future, "_state"));
  if (state.is_null()) {
    // The class has it for all that are pending: of asyncio's, not of whatever else has been registered.
    ASSIGN_OR_RETURN(const Address callbacks, lookup_.Attribute(future, "_callbacks"));
    return callbacks.is_null() ? FutureState::kUnknown : FutureState::kPending;
  }
  ASSIGN_OR_RETURN(const std::string text, Text(state));
  if (text == "PENDING") return FutureState::kPending;
  if (text == "CANCELLED") return FutureState::kCancelled;
  if (text == "FINISHED") return FutureState::kFinished;
  return absl::DataLossError(absl::StrCat("a future's state is ", text));
}

absl::StatusOr<std::optional<std::vector<Address>>> AsyncioFutures::NotedWaiters(Address future) {
  const auto& layout = runtime_.layout.FutureObj;
  if (layout.fut_awaited_by == kNoOffset) return std::nullopt;
  // C: null, one future, or a set of them. Python: a set.
  ASSIGN_OR_RETURN(const Address noted, Field(future, layout.fut_awaited_by, "_Future__asyncio_awaited_by"));
  std::vector<Address> waiters;
  if (noted.is_null()) return waiters;
  bool is_set = true;
  if (KindOf(future) != Kind::kOther) {
    ASSIGN_OR_RETURN(is_set, memory_.ReadValue<uint8_t>(future + layout.fut_awaited_by_is_set));
  }
  if (!is_set) {
    waiters.push_back(noted);
    return waiters;
  }
  ASSIGN_OR_RETURN(const SetTable table, ReadSetTable(runtime_, memory_, noted));
  RETURN_IF_ERROR(VisitSet(runtime_, memory_, table, 0, table.used, [&](Address waiter) {
                    waiters.push_back(waiter);
                    return true;
                  }).status());
  return waiters;
}

absl::StatusOr<std::vector<Address>> AsyncioFutures::CallbacksOf(Address future) {
  const auto& layout = runtime_.layout.FutureObj;
  std::vector<Address> callbacks;
  // C has a place of its own for the first.
  if (KindOf(future) != Kind::kOther) {
    ASSIGN_OR_RETURN(const Address first, memory_.ReadPointer(future + layout.fut_callback0));
    if (!first.is_null()) callbacks.push_back(first);
  }
  ASSIGN_OR_RETURN(const Address list, Field(future, layout.fut_callbacks, "_callbacks"));
  if (list.is_null()) return callbacks;
  ASSIGN_OR_RETURN(const std::vector<Address> pairs, ReadItems(runtime_, memory_, list));
  for (const Address pair : pairs) {
    ASSIGN_OR_RETURN(const std::vector<Address> parts, ReadItems(runtime_, memory_, pair));  // with its context
    if (!parts.empty()) callbacks.push_back(parts[0]);
  }
  return callbacks;
}

absl::StatusOr<Address> AsyncioFutures::WokenBy(Address callback) {
  ASSIGN_OR_RETURN(const Address type, TypeOf(callback));
  if (type == runtime_.Symbol("PyFunction_Type")) return WokenByFunction(callback);
  if (type == runtime_.Symbol("PyMethod_Type")) return WokenByMethod(callback);
  if (type == runtime_.Symbol("PyCFunction_Type")) {
    const auto& layout = runtime_.layout.PyCFunctionObject;
    ASSIGN_OR_RETURN(const Address definition, memory_.ReadPointer(callback + layout.m_ml));
    ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(definition + runtime_.layout.PyMethodDef.ml_name));
    ASSIGN_OR_RETURN(const std::string text, memory_.ReadCString(name, sizeof(kWakeupMethod)));
    ASSIGN_OR_RETURN(const Address self, memory_.ReadPointer(callback + layout.m_self));
    return text == kWakeupMethod && !self.is_null() && IsTask(self) ? self : Address();
  }
  ASSIGN_OR_RETURN(const Address name, memory_.ReadPointer(type + runtime_.layout.PyTypeObject.tp_name));
  ASSIGN_OR_RETURN(const std::string text, memory_.ReadCString(name, kMaxNameLength));
  if (text == "functools.partial") return WokenByPartial(callback);
  if (text != kWakeupType || runtime_.layout.TaskWakeupMethWrapper.ww_task == kNoOffset) return Address();
  return memory_.ReadPointer(callback + runtime_.layout.TaskWakeupMethWrapper.ww_task);
}

absl::StatusOr<Address> AsyncioFutures::WokenByFunction(Address function) {
  ASSIGN_OR_RETURN(const std::string name, FullName(function));
  for (const Relay& relay : kRelays) {
    if (name == relay.function) return Captured(function, relay.variable);
  }
  return Address();
}

absl::StatusOr<Address> AsyncioFutures::WokenByMethod(Address method) {
  ASSIGN_OR_RETURN(const Address function, memory_.ReadPointer(method + runtime_.layout.PyMethodObject.im_func));
  ASSIGN_OR_RETURN(const Address self, memory_.ReadPointer(method + runtime_.layout.PyMethodObject.im_self));
  ASSIGN_OR_RETURN(const Address type, TypeOf(function));
  if (type != runtime_.Symbol("PyFunction_Type")) return Address();
  ASSIGN_OR_RETURN(const std::string name, FullName(function));
  if (name == kPythonWakeup) return self;
  if (name == kGroupCallback) return lookup_.Attribute(self, "_parent_task");
  return Address();
}

absl::StatusOr<Address> AsyncioFutures::WokenByPartial(Address partial) {
  const auto& layout = runtime_.layout.partialobject;
  ASSIGN_OR_RETURN(const Address function, memory_.ReadPointer(partial + layout.fn));
  ASSIGN_OR_RETURN(const Address type, TypeOf(function));
  if (type != runtime_.Symbol("PyFunction_Type")) return Address();
  ASSIGN_OR_RETURN(const std::string name, FullName(function));
  if (name != kReleaseWaiter) return Address();
  ASSIGN_OR_RETURN(const Address tuple, memory_.ReadPointer(partial + layout.args));
  ASSIGN_OR_RETURN(const std::vector<Address> arguments, ReadItems(runtime_, memory_, tuple));
  return arguments.empty() ? Address() : arguments[0];
}

absl::StatusOr<Address> AsyncioFutures::Captured(Address function, absl::string_view variable) {
  const auto& layout = runtime_.layout.PyFunctionObject;
  ASSIGN_OR_RETURN(const Address code_address, memory_.ReadPointer(function + layout.func_code));
  ASSIGN_OR_RETURN(const CodeInfo* code, code_reader_.Read(code_address));
  ASSIGN_OR_RETURN(const Address closure, memory_.ReadPointer(function + layout.func_closure));
  if (closure.is_null()) return Address();
  ASSIGN_OR_RETURN(const std::vector<Address> cells, ReadItems(runtime_, memory_, closure));
  size_t cell = 0;
  for (size_t i = 0; i < code->variables.size() && cell < cells.size(); ++i) {
    if ((static_cast<uint8_t>(code->variable_kinds[i]) & kVariableFree) == 0) continue;
    ASSIGN_OR_RETURN(const std::string name, Text(code->variables[i]));
    if (absl::string_view(name) == variable) {
      return memory_.ReadPointer(cells[cell] + runtime_.layout.PyCellObject.ob_ref);
    }
    ++cell;
  }
  return Address();
}

absl::StatusOr<std::string> AsyncioFutures::FullName(Address function) {
  const auto& layout = runtime_.layout.PyFunctionObject;
  ASSIGN_OR_RETURN(const Address qualname, memory_.ReadPointer(function + layout.func_qualname));
  ASSIGN_OR_RETURN(const Address module, memory_.ReadPointer(function + layout.func_module));
  if (qualname.is_null() || module.is_null()) return std::string();
  // A program may set __module__ to what it likes.
  ASSIGN_OR_RETURN(const bool is_text, IsInstance(runtime_, memory_, module, runtime_.Symbol("PyUnicode_Type")));
  if (!is_text) return std::string();
  ASSIGN_OR_RETURN(const std::string module_text, Text(module));
  ASSIGN_OR_RETURN(const std::string qualname_text, Text(qualname));
  return absl::StrCat(module_text, ":", qualname_text);
}

absl::StatusOr<Address> AsyncioFutures::TypeOf(Address object) {
  return memory_.ReadPointer(object + runtime_.layout.PyObject.ob_type);
}

absl::StatusOr<std::string> AsyncioFutures::Text(Address str) {
  const auto it = texts_.find(str);
  if (it != texts_.end()) return it->second;
  ASSIGN_OR_RETURN(std::string text, ReadText(runtime_, memory_, str));
  texts_[str] = text;
  return text;
}

}  // namespace pysnap
