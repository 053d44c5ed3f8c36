#include "snapshotter/supervise/python_traps.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/cpython/runtime_locator.h"

namespace pysnap {
namespace {

using Kind = TrapPoint::Kind;

// Long enough for the names that matter.
constexpr size_t kMaxModuleName = 100;
// Structs like time.struct_time come from the same constructor as the arguments of threading.excepthook. A program that
// makes many must not pay for it.
constexpr int kMaxVainConstructions = 200;
constexpr size_t kSlots = 4;

bool IsForThreads(Kind kind) { return kind == Kind::kStructSequence || kind == Kind::kThreadHook; }

bool IsEssential(Kind kind) { return kind == Kind::kPrint || kind == Kind::kPrintEx || kind == Kind::kEntry; }

auto HasKind(Kind kind) {
  return [kind](const TrapPoint& point) { return point.kind == kind; };
}

bool Contains(const std::vector<TrapPoint>& points, const TrapPoint& point) {
  return std::any_of(points.begin(), points.end(),
                     [&](const TrapPoint& each) { return each.kind == point.kind && each.address == point.address; });
}

}  // namespace

absl::Status PythonTraps::OnExec(pid_t tid) {
  *this = PythonTraps(kind_, exits_, *finder_);
  pid_ = tid;
  ASSIGN_OR_RETURN(target_, LiveTarget::Open(pid_));
  ASSIGN_OR_RETURN(const Address entry, FindEntryPoint(*target_));
  Want({Kind::kEntry, entry});
  return Change(absl::MakeConstSpan(&tid, 1));
}

void PythonTraps::StartAsCopy(const PythonTraps& parent, pid_t tid) {
  *this = PythonTraps(kind_, exits_, *finder_);
  pid_ = tid;
  absl::StatusOr<std::unique_ptr<LiveTarget>> target = LiveTarget::Open(pid_);
  if (!target.ok()) return;
  target_ = *std::move(target);
  runtime_ = parent.runtime_;
  wanted_ = parent.wanted_;
  loader_ = parent.loader_;
  import_ = parent.import_;
  found_python_ = parent.found_python_;
  has_threads_ = parent.has_threads_;
  for_threads_ = parent.for_threads_;
  thread_hook_ = parent.thread_hook_;
  noted_ = parent.noted_;
  // It is seen for itself when something does not work.
  Change(absl::MakeConstSpan(&tid, 1)).IgnoreError();
}

absl::StatusOr<Finding> PythonTraps::OnHit(pid_t tid, absl::FunctionRef<int64_t()> native_id) {
  breakpoints_->OnHit(tid);
  if (target_ == nullptr) return Finding();
  ASSIGN_OR_RETURN(const Registers registers, ReadThreadRegisters(tid));
  const auto point =
      std::find_if(set_.begin(), set_.end(), [&](const TrapPoint& each) { return each.address == registers.pc; });
  if (point == set_.end()) return Finding();
  const Kind kind = point->kind;
  if (kind == Kind::kEntry) {
    DoNotWant(Kind::kEntry);
    RETURN_IF_ERROR(Search());
    return Finding();
  }
  if (kind == Kind::kLoader) {
    RETURN_IF_ERROR(OnLoaderHook());
    return Finding();
  }
  if (kind == Kind::kImport) {
    RETURN_IF_ERROR(OnImport(Address(registers.arguments[0])));
    return Finding();
  }
  const auto finding = OnPoint(kind, native_id(), registers);
  const bool vain = !finding.ok() || finding->kind == Finding::Kind::kNothing;
  // What prints an exception imports modules.
  if (!vain && import_.has_value()) {
    import_.reset();
    RETURN_IF_ERROR(Search());
  }
  if (kind == Kind::kStructSequence && vain && ++vain_constructions_ == kMaxVainConstructions) {
    DoNotWant(Kind::kStructSequence);
    Want({Kind::kThreadHook, thread_hook_->function});
  }
  return finding;
}

absl::StatusOr<Finding> PythonTraps::OnPoint(Kind kind, int64_t native_id, const Registers& registers) {
  ASSIGN_OR_RETURN(const Runtime* runtime, FindRuntime());
  return trigger_.Examine(kind, thread_hook_.value_or(ThreadHook()), *runtime, target_->memory(), native_id, registers);
}

absl::Status PythonTraps::OnLoaderHook() {
  const absl::StatusOr<std::vector<std::string>> paths = libraries_.TakeNew(target_->memory(), *loader_);
  // What it does not tell is found in the mappings.
  if (paths.ok() && paths->empty()) return absl::OkStatus();
  if (paths.ok() && found_python_ && std::none_of(paths->begin(), paths->end(), TrapFinder::IsAsyncio)) {
    return absl::OkStatus();
  }
  return Search();
}

absl::Status PythonTraps::OnImport(Address name) {
  const absl::StatusOr<std::string> text = target_->memory().ReadCString(name, kMaxModuleName);
  if (text.ok() && absl::StartsWith(*text, "asyncio")) return Search();
  // What is imported by that function a second time is imported again and again, as by subprocess up to 3.12: a program
  // must neither pay for that nor be in danger each time.
  if (text.ok() && vain_imports_.insert(*text).second) return absl::OkStatus();
  import_.reset();
  return Search();
}

absl::Status PythonTraps::Search() {
  RETURN_IF_ERROR(target_->RefreshMappings());
  if (!found_python_) RETURN_IF_ERROR(FindPython());
  if (found_python_) FindAsyncio();
  const bool complete = found_python_ && (Wants(Kind::kNeverRetrieved) || noted_.count(Kind::kNeverRetrieved) != 0);
  // The loader is the last resort: the first thread that ends makes it load a library, and so do many others.
  const std::optional<TrapPoint> next = complete ? std::nullopt : import_.has_value() ? import_ : LoaderPoint();
  for (const Kind kind : {Kind::kLoader, Kind::kImport}) {
    if (!next.has_value() || next->kind != kind) DoNotWant(kind);
  }
  if (next.has_value() && !Wants(next->kind)) Want(*next);
  return absl::OkStatus();
}

std::optional<TrapPoint> PythonTraps::LoaderPoint() {
  if (!loader_.has_value()) {
    const absl::StatusOr<LoaderHook> loader = FindLoaderHook(*target_);
    if (!loader.ok()) return std::nullopt;  // nothing will be loaded
    loader_ = *loader;
  }
  return TrapPoint{Kind::kLoader, loader_->function};
}

absl::Status PythonTraps::FindPython() {
  ASSIGN_OR_RETURN(const std::vector<TrapPoint> points, finder_->Find(*target_));
  if (points.empty()) return absl::OkStatus();
  found_python_ = true;
  for (const TrapPoint& point : points) {
    if (point.kind == Kind::kUnraisable) {
      for_threads_.push_back(point);
    } else if (point.kind == Kind::kImport) {
      import_ = point;
    } else if (point.kind != Kind::kFinalize || exits_) {
      Want(point);
    }
  }
  if (has_threads_) OnThread();
  return absl::OkStatus();
}

void PythonTraps::FindAsyncio() {
  if (Wants(Kind::kNeverRetrieved) || noted_.count(Kind::kNeverRetrieved) != 0) return;
  const absl::StatusOr<std::optional<TrapPoint>> point = finder_->FindAsyncio(*target_);
  if (!point.ok()) {
    noted_.insert(Kind::kNeverRetrieved);
    notes_.push_back(absl::StrCat(PurposeOf(Kind::kNeverRetrieved), " are not seen: ", point.status().message()));
  } else if (point->has_value()) {
    Want(**point);
  }
}

void PythonTraps::OnThread() {
  has_threads_ = true;
  if (!found_python_ || thread_hook_.has_value()) return;
  const absl::StatusOr<const Runtime*> runtime = FindRuntime();
  if (!runtime.ok()) return;  // the thread is of somebody who starts before the interpreter is ready
  const absl::StatusOr<ThreadHook> hook = FindThreadHook(**runtime, target_->memory());
  if (!hook.ok()) return;
  thread_hook_ = *hook;
  Want({Kind::kStructSequence, hook->constructor});
  for (const TrapPoint& point : for_threads_) Want(point);
}

void PythonTraps::Want(TrapPoint point) {
  wanted_.push_back(point);
  has_changes_ = true;
}

void PythonTraps::DoNotWant(Kind kind) {
  if (std::erase_if(wanted_, HasKind(kind)) != 0) has_changes_ = true;
}

bool PythonTraps::Wants(Kind kind) const { return std::any_of(wanted_.begin(), wanted_.end(), HasKind(kind)); }

bool PythonTraps::HasSlotFor(Kind kind) const {
  if (IsEssential(kind) || IsForThreads(kind)) return true;
  // One is kept for threads until there are some.
  const bool taken =
      std::any_of(set_.begin(), set_.end(), [](const TrapPoint& each) { return IsForThreads(each.kind); });
  return set_.size() + (taken ? 0 : 1) < kSlots;
}

absl::Status PythonTraps::Change(absl::Span<const pid_t> threads) {
  has_changes_ = false;
  std::erase_if(set_, [&](const TrapPoint& point) {
    if (Contains(wanted_, point)) return false;
    breakpoints_->Remove(threads, point.address);
    return true;
  });
  absl::Status result;
  for (const TrapPoint& point : wanted_) {
    if (Contains(set_, point)) continue;
    const absl::Status status = HasSlotFor(point.kind)
                                    ? breakpoints_->Set(threads, point.address)
                                    : absl::ResourceExhaustedError("there are four breakpoints, which others have");
    if (status.ok()) {
      set_.push_back(point);
    } else if (IsEssential(point.kind)) {
      result.Update(status);
    } else if (noted_.insert(point.kind).second) {
      notes_.push_back(absl::StrCat(PurposeOf(point.kind), " are not seen: ", status.message()));
    }
  }
  return result;
}

absl::StatusOr<const Runtime*> PythonTraps::FindRuntime() {
  if (!runtime_.has_value()) {
    RETURN_IF_ERROR(target_->RefreshMappings());
    ASSIGN_OR_RETURN(runtime_, LocateRuntime(*target_));
  }
  return &*runtime_;
}

}  // namespace pysnap
