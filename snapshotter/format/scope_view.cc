#include "snapshotter/format/scope_view.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "snapshotter/format/context_view.h"
#include "snapshotter/format/object_facts.h"

namespace pysnap::format {
namespace {

constexpr char kNursery[] = "nursery";
constexpr char kTaskGroup[] = "task group";
constexpr char kCancelScope[] = "cancel scope";

// A context manager that enters a cancel scope, and the attribute that leads there: to the scope, or to another manager
// that enters it. Null: it is a scope itself.
struct Manager {
  const char* module;
  const char* name;
  const char* kind;
  const char* attribute;
};

// trio 0.12 to 0.35: trio/_core/_run.py; what it exports says that it is of the module trio. anyio 3.0 to 4.16:
// anyio/_backends/_trio.py, _asyncio.py, _core/_tasks.py.
constexpr Manager kManagers[] = {
    {"trio", "CancelScope", kCancelScope, nullptr},
    {"trio._core._run", "CancelScope", kCancelScope, nullptr},
    {"trio._core._run", "NurseryManager", kNursery, "_scope"},
    {"anyio._backends._trio", "CancelScope", kCancelScope, "_CancelScope__original"},
    {"anyio._backends._trio", "TaskGroup", kTaskGroup, "_nursery_manager"},
    {"anyio._backends._asyncio", "CancelScope", kCancelScope, nullptr},
    {"anyio._backends._asyncio", "TaskGroup", kTaskGroup, "cancel_scope"},
    {"anyio._core._tasks", "FailAfterContextManager", kCancelScope, "_cancel_scope"},  // to 3.7
};
// More managers never stand between.
constexpr int kMaxSteps = 4;

const Manager* FindManager(const LoadedSnapshot& snapshot, const proto::Object& object) {
  for (const Manager& known : kManagers) {
    if (IsInstance(snapshot, object, known.module, known.name)) return &known;
  }
  return nullptr;
}

struct Entry {
  size_t frame = 0;
  ContextView context;
  const char* kind = nullptr;
};

class Finder {
 public:
  explicit Finder(const LoadedSnapshot& snapshot) : snapshot_(snapshot) {}

  // Each object once, so that it ends.
  void Add(size_t frame, const ContextView& outer, uint32_t object) {
    std::vector<uint32_t> pending = {object};
    while (!pending.empty()) {
      const uint32_t id = pending.back();
      pending.pop_back();
      if (!seen_.insert(id).second) continue;
      Note(frame, outer, id);
      for (const ContextView& entry : EntriesOf(snapshot_, id, {})) pending.push_back(entry.object);
      for (const FrameView& inner : InnerFrames(snapshot_, id)) {
        for (const ContextView& context : ContextsOf(snapshot_, *inner.frame)) pending.push_back(context.object);
      }
    }
  }

  const Entry* Find(uint64_t scope) const {
    const auto it = entries_.find(scope);
    return it == entries_.end() ? nullptr : &it->second;
  }

 private:
  void Note(size_t frame, const ContextView& outer, uint32_t id) {
    const proto::Object* object = snapshot_.object(id);
    const char* kind = nullptr;
    for (int step = 0; object != nullptr && step < kMaxSteps; ++step) {
      const Manager* manager = FindManager(snapshot_, *object);
      if (manager == nullptr) return;
      if (kind == nullptr) kind = manager->kind;
      if (manager->attribute == nullptr) {
        if (object->address() == 0) return;
        entries_.try_emplace(object->address(), Entry{.frame = frame, .context = outer, .kind = kind});
        return;
      }
      object = snapshot_.object(FindAttribute(snapshot_, *object, manager->attribute));
    }
  }

  const LoadedSnapshot& snapshot_;
  absl::flat_hash_set<uint32_t> seen_;
  absl::flat_hash_map<uint64_t, Entry> entries_;  // by the address of the scope
};

}  // namespace

std::vector<ScopeView> ViewScopes(const LoadedSnapshot& snapshot,
                                  const proto::Task& task,
                                  const std::vector<FrameView>& frames) {
  std::vector<ScopeView> views;
  if (task.scope_size() == 0) return views;
  Finder finder(snapshot);
  for (size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].frame == nullptr) continue;
    for (const ContextView& context : ContextsOf(snapshot, *frames[i].frame)) finder.Add(i, context, context.object);
  }
  for (const proto::CancelScope& scope : task.scope()) {
    ScopeView& view = views.emplace_back();
    view.scope = &scope;
    view.kind = scope.nursery() != 0 ? kNursery : kCancelScope;
    const Entry* entry = finder.Find(scope.address());
    if (entry == nullptr) continue;
    view.kind = entry->kind;
    view.frame = entry->frame;
    view.line = entry->context.line;
    view.target = entry->context.target;
  }
  return views;
}

}  // namespace pysnap::format
