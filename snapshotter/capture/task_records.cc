#include "snapshotter/capture/task_records.h"

#include "snapshotter/capture/await_chain.h"
#include "snapshotter/cpython/asyncio_tasks.h"
#include "snapshotter/cpython/trio_tasks.h"
#include "snapshotter/objects/absent.h"

namespace pysnap {
namespace {

proto::Task::State StateOf(const AsyncioTask& task) {
  switch (task.facts.state) {
    case FutureState::kPending:
      return task.running ? proto::Task::RUNNING : proto::Task::PENDING;
    case FutureState::kCancelled:
      return proto::Task::CANCELLED;
    case FutureState::kFinished:
      return proto::Task::FINISHED;
    case FutureState::kUnknown:
      break;
  }
  return proto::Task::STATE_UNKNOWN;
}

// Those of a run are there until they end.
proto::Task::State StateOf(const TrioTask& task) {
  if (!task.known) return proto::Task::STATE_UNKNOWN;
  return task.running ? proto::Task::RUNNING : proto::Task::PENDING;
}

proto::Task::Role RoleOf(const TrioTask& task) {
  switch (task.role) {
    case TrioTask::Role::kMain:
      return proto::Task::MAIN;
    case TrioTask::Role::kInit:
      return proto::Task::INIT;
    case TrioTask::Role::kSystem:
      return proto::Task::SYSTEM;
    case TrioTask::Role::kOrdinary:
      break;
  }
  return proto::Task::ORDINARY;
}

void SetScopes(const TaskScopes& scopes, GraphCrawler& crawler, proto::Task& record) {
  record.set_parent(scopes.parent.value());
  record.set_parent_scope(scopes.parent_scope.value());
  for (const CancelScopeFacts& facts : scopes.entered) {
    proto::CancelScope& scope = *record.add_scope();
    scope.set_address(facts.object.value());
    scope.set_object(crawler.Ref(facts.object));
    scope.set_nursery(crawler.Ref(facts.nursery));
    if (facts.deadline.has_value()) scope.set_deadline(*facts.deadline);
    if (facts.cancelled.has_value()) scope.set_cancelled(*facts.cancelled);
    if (facts.shield.has_value()) scope.set_shield(*facts.shield);
  }
  if (!scopes.problem.ok()) SetAbsent(scopes.problem, *record.mutable_scopes_absent());
}

}  // namespace

std::vector<proto::Task> RecordTasks(const Runtime& runtime,
                                     Memory& memory,
                                     FrameWalker& walker,
                                     const std::vector<PythonThread>& threads,
                                     const absl::flat_hash_map<uint64_t, int64_t>& native_ids,
                                     bool limited,
                                     GraphCrawler& crawler,
                                     absl::FunctionRef<void(absl::string_view, absl::string_view)> problem) {
  std::vector<proto::Task> records;
  // What both have in common.
  const auto add = [&](const auto& task) -> proto::Task& {
    proto::Task& record = records.emplace_back();
    record.set_address(task.object.value());
    record.set_object(crawler.Ref(task.object));
    const auto native_id = native_ids.find(task.thread_ident);
    if (native_id != native_ids.end()) record.set_native_id(native_id->second);
    record.set_interpreter(task.interpreter_id);
    record.set_state(StateOf(task));
    SetScopes(task.scopes, crawler, record);
    if (!task.scopes.problem.ok()) problem("scopes of a task", task.scopes.problem.message());
    return record;
  };

  const auto coroutine = [&](Address address) {
    if (!limited) return crawler.Ref(address);
    for (const Address link : FollowAwaits(runtime, memory, walker, address)) crawler.RefSuspended(link);
    return crawler.RefSuspended(address);
  };

  const AsyncioTaskList asyncio = ListAsyncioTasks(runtime, memory, threads);
  for (const absl::Status& status : asyncio.problems) problem("asyncio's tasks", status.message());
  for (const AsyncioTask& task : asyncio.tasks) {
    proto::Task& record = add(task);
    record.set_name(crawler.String(task.facts.name));
    record.set_coroutine(coroutine(task.facts.coroutine));
    record.set_waiter(crawler.Ref(task.facts.waiter));
    record.set_loop(crawler.Ref(task.facts.loop));
    for (const Address waiter : task.awaited_by) record.add_awaited_by(waiter.value());
  }

  const TrioTaskList trio = ListTrioTasks(runtime, memory, threads);
  for (const absl::Status& status : trio.problems) problem("trio's tasks", status.message());
  for (const TrioTask& task : trio.tasks) {
    proto::Task& record = add(task);
    record.set_library(proto::Task::TRIO);
    record.set_role(RoleOf(task));
    record.set_name(crawler.String(task.name));
    record.set_coroutine(coroutine(task.coroutine));
    record.set_waiter(crawler.Ref(task.sleep_data));
    record.set_loop(crawler.Ref(task.runner));
  }
  return records;
}

}  // namespace pysnap
