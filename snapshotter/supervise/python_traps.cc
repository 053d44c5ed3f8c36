#include "snapshotter/supervise/python_traps.h"

#include <algorithm>
#include <utility>

#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/runtime_locator.h"
#include "snapshotter/supervise/loader.h"

namespace pysnap {
namespace {

// Structs like time.struct_time come from the same constructor as the arguments of threading.excepthook. A program that
// makes many must not pay for it.
constexpr int kMaxVainConstructions = 200;

}  // namespace

absl::Status PythonTraps::OnExec(pid_t tid) {
  *this = PythonTraps(kind_);
  pid_ = tid;
  ASSIGN_OR_RETURN(target_, LiveTarget::Open(pid_));
  ASSIGN_OR_RETURN(entry_, FindEntryPoint(*target_));
  return breakpoints_->Set(absl::MakeConstSpan(&tid, 1), entry_);
}

void PythonTraps::StartAsCopy(const PythonTraps& parent, pid_t tid) {
  *this = PythonTraps(kind_);
  pid_ = tid;
  absl::StatusOr<std::unique_ptr<LiveTarget>> target = LiveTarget::Open(pid_);
  if (!target.ok()) return;
  target_ = *std::move(target);
  runtime_ = parent.runtime_;
  thread_hook_ = parent.thread_hook_;
  const absl::Span<const pid_t> thread = absl::MakeConstSpan(&tid, 1);
  for (const TrapPoint& point : parent.points_) Arm(thread, point).IgnoreError();
  loader_ = parent.loader_;
  if (loader_ != Address()) breakpoints_->Set(thread, loader_).IgnoreError();
}

absl::StatusOr<Occasion::Exception> PythonTraps::OnHit(pid_t tid, int64_t native_id, absl::Span<const pid_t> threads) {
  breakpoints_->OnHit(tid);
  if (target_ == nullptr) return Occasion::Exception::kNone;
  ASSIGN_OR_RETURN(const Registers registers, ReadThreadRegisters(tid));
  if (registers.pc == entry_) {
    RETURN_IF_ERROR(OnEntry(tid));
    return Occasion::Exception::kNone;
  }
  if (registers.pc == loader_) {
    RETURN_IF_ERROR(OnLoaded(threads));
    return Occasion::Exception::kNone;
  }
  const auto point =
      std::find_if(points_.begin(), points_.end(), [&](const TrapPoint& each) { return each.address == registers.pc; });
  if (point == points_.end()) return Occasion::Exception::kNone;
  const TrapPoint::Kind kind = point->kind;
  const auto found = OnPoint(kind, native_id, registers);
  const bool vain = !found.ok() || *found == Occasion::Exception::kNone;
  if (kind == TrapPoint::Kind::kStructSequence && vain && ++vain_constructions_ == kMaxVainConstructions) {
    UseThreadHook(threads);
  }
  return found;
}

absl::StatusOr<Occasion::Exception> PythonTraps::OnPoint(TrapPoint::Kind kind,
                                                         int64_t native_id,
                                                         const Registers& registers) {
  ASSIGN_OR_RETURN(const Runtime* runtime, FindRuntime());
  return trigger_.Examine(kind, thread_hook_.value_or(ThreadHook()), *runtime, target_->memory(), native_id, registers);
}

absl::Status PythonTraps::OnEntry(pid_t tid) {
  const absl::Span<const pid_t> thread = absl::MakeConstSpan(&tid, 1);
  breakpoints_->Remove(thread, std::exchange(entry_, Address()));
  RETURN_IF_ERROR(OnLoaded(thread));
  if (!points_.empty()) return absl::OkStatus();
  const absl::StatusOr<Address> loader = FindLoaderBreakpoint(*target_);
  if (!loader.ok()) return absl::OkStatus();  // nothing will be loaded
  loader_ = *loader;
  return breakpoints_->Set(thread, loader_);
}

absl::Status PythonTraps::OnLoaded(absl::Span<const pid_t> threads) {
  const size_t mappings_before = target_->mappings().size();
  RETURN_IF_ERROR(target_->RefreshMappings());
  if (loader_ != Address() && target_->mappings().size() == mappings_before) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<TrapPoint> points, FindTrapPoints(*target_));
  if (points.empty()) return absl::OkStatus();
  if (loader_ != Address()) breakpoints_->Remove(threads, std::exchange(loader_, Address()));
  for (const TrapPoint& point : points) RETURN_IF_ERROR(Arm(threads, point));
  if (threads.size() > 1) OnThread(threads);
  return absl::OkStatus();
}

absl::Status PythonTraps::Arm(absl::Span<const pid_t> threads, TrapPoint point) {
  RETURN_IF_ERROR(breakpoints_->Set(threads, point.address));
  points_.push_back(point);
  return absl::OkStatus();
}

void PythonTraps::Disarm(absl::Span<const pid_t> threads, TrapPoint::Kind kind) {
  const auto point =
      std::find_if(points_.begin(), points_.end(), [kind](const auto& each) { return each.kind == kind; });
  if (point == points_.end()) return;
  breakpoints_->Remove(threads, point->address);
  points_.erase(point);
}

void PythonTraps::OnThread(absl::Span<const pid_t> threads) {
  if (!WaitsForThread()) return;
  const absl::StatusOr<const Runtime*> runtime = FindRuntime();
  if (!runtime.ok()) return;  // the thread is of somebody who starts before the interpreter is ready
  const absl::StatusOr<ThreadHook> hook = FindThreadHook(**runtime, target_->memory());
  if (!hook.ok()) return;
  thread_hook_ = *hook;
  if (!Arm(threads, {TrapPoint::Kind::kStructSequence, hook->constructor}).ok()) UseThreadHook(threads);
}

void PythonTraps::UseThreadHook(absl::Span<const pid_t> threads) {
  Disarm(threads, TrapPoint::Kind::kStructSequence);
  Arm(threads, {TrapPoint::Kind::kThreadHook, thread_hook_->function}).IgnoreError();
}

absl::StatusOr<const Runtime*> PythonTraps::FindRuntime() {
  if (!runtime_.has_value()) {
    RETURN_IF_ERROR(target_->RefreshMappings());
    ASSIGN_OR_RETURN(runtime_, LocateRuntime(*target_));
  }
  return &*runtime_;
}

}  // namespace pysnap
