#include "snapshotter/cpython/greenlets.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/base/status_macros.h"
#include "snapshotter/memory/overlay_memory.h"

namespace pysnap {
namespace {

// Bounds on what a corrupted target may claim.
constexpr size_t kMaxExceptionDepth = 1'000'000;
constexpr uint64_t kMaxSavedStack = uint64_t{1} << 32;

// stack_stop of a main greenlet (StackState::make_main, src/greenlet/TStackState.cpp).
constexpr uint64_t kNoEnd = ~uint64_t{0};

// What a main greenlet tells of its thread.
struct OfMain {
  bool thread_ended = false;
  Address current;
  // By those of its greenlets that are suspended.
  Address thread_state;
  bool contradicted = false;
};

class Lister {
 public:
  Lister(const Runtime& runtime,
         Memory& memory,
         const GreenletStructs& structs,
         const std::vector<PythonThread>& threads,
         CodeReader& code_reader)
      : runtime_(runtime), memory_(memory), structs_(structs), code_reader_(code_reader) {
    for (size_t i = 0; i < threads.size(); ++i) {
      order_.emplace(threads[i].state, i);
    }
  }

  void AddInterpreter(const PythonThread& any, const OldGreenlets& old) {
    const FoundGreenlets found = FindGreenlets(runtime_, memory_, structs_, any, old);
    for (const absl::Status& status : found.problems) Check(status);
    is_imported_ |= found.is_imported;
    for (const Address object : found.objects) {
      Greenlet greenlet;
      greenlet.object = object;
      greenlet.interpreter_id = any.interpreter_id;
      greenlet.problem = structs_.problem.empty() ? Describe(greenlet) : absl::UnimplementedError(structs_.problem);
      list_.greenlets.push_back(std::move(greenlet));
    }
  }

  GreenletList Finish() {
    // A library that is mapped may be just about to be imported; where it is not, there are no greenlets.
    if (!is_imported_) Check(absl::NotFoundError("greenlet is loaded, and its type is in no sys.modules"));
    FollowParents();
    for (Greenlet& greenlet : list_.greenlets) {
      const auto main = mains_.find(greenlet.main);
      if (main == mains_.end()) continue;
      greenlet.thread_state = main->second.contradicted ? Address() : main->second.thread_state;
    }
    for (const auto& [object, main] : mains_) {
      if (main.contradicted) {
        Check(absl::DataLossError(absl::StrFormat("the greenlets of %#x are of several threads", object.value())));
      }
    }
    std::stable_sort(list_.greenlets.begin(), list_.greenlets.end(), [this](const Greenlet& a, const Greenlet& b) {
      const auto key = [this](const Greenlet& greenlet) {
        const auto thread = order_.find(greenlet.thread_state);
        return std::make_tuple(greenlet.interpreter_id, thread == order_.end() ? order_.size() : thread->second,
                               greenlet.main.is_null(), greenlet.main, !greenlet.is_main, greenlet.object);
      };
      return key(a) < key(b);
    });
    return std::move(list_);
  }

 private:
  void Check(const absl::Status& status) {
    if (!status.ok()) list_.problems.push_back(status);
  }

  // One that is not started belongs where its parent does (UserGreenlet::find_main_greenlet_in_lineage,
  // src/greenlet/TUserGreenlet.cpp).
  void FollowParents() {
    absl::flat_hash_map<Address, size_t> places;
    for (size_t i = 0; i < list_.greenlets.size(); ++i) places.emplace(list_.greenlets[i].object, i);
    std::vector<bool> followed(list_.greenlets.size());
    for (size_t first = 0; first < list_.greenlets.size(); ++first) {
      std::vector<size_t> path;
      size_t at = first;
      while (!followed[at] && list_.greenlets[at].state == GreenletState::kNotStarted) {
        followed[at] = true;
        path.push_back(at);
        const auto parent = places.find(list_.greenlets[at].parent);
        if (parent == places.end()) break;
        at = parent->second;
      }
      // In a circle, nothing has a main one to tell of.
      for (const size_t each : path) list_.greenlets[each].main = list_.greenlets[at].main;
    }
  }

  absl::Status Describe(Greenlet& greenlet) {
    ASSIGN_OR_RETURN(const Address impl, memory_.ReadPointer(greenlet.object + structs_.pimpl));
    if (impl.is_null()) return absl::DataLossError("it is being made, or is about to go");
    ASSIGN_OR_RETURN(const Address start, memory_.ReadPointer(impl + structs_.stack_start));
    ASSIGN_OR_RETURN(const Address stop, memory_.ReadPointer(impl + structs_.stack_stop));
    greenlet.is_main = stop.value() == kNoEnd;
    if (greenlet.is_main) {
      greenlet.main = greenlet.object;
    } else {
      ASSIGN_OR_RETURN(greenlet.parent, memory_.ReadPointer(impl + structs_.parent));
      ASSIGN_OR_RETURN(greenlet.main, memory_.ReadPointer(impl + structs_.main_greenlet));
    }
    if (stop.is_null()) {
      greenlet.state = GreenletState::kNotStarted;
      ASSIGN_OR_RETURN(greenlet.run, memory_.ReadPointer(impl + structs_.run_callable));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(OfMain* const main, Main(greenlet.main));
    greenlet.thread_ended = main->thread_ended;
    if (start.is_null()) {
      greenlet.state = GreenletState::kFinished;
      return absl::OkStatus();
    }
    if (greenlet.object == main->current) {
      greenlet.state = GreenletState::kRunning;
      return CheckRunning(impl);
    }
    // The thread of a main greenlet has ended in it; what it was is gone with the thread.
    greenlet.state = greenlet.is_main && main->thread_ended ? GreenletState::kFinished : GreenletState::kSuspended;
    return greenlet.state == GreenletState::kSuspended ? DescribeSuspended(impl, start, stop, *main, greenlet)
                                                       : absl::OkStatus();
  }

  // Its frames are handed over from the thread as the first step of a switch, and to the thread as the last one
  // (Greenlet::g_switchstack, src/greenlet/TGreenlet.cpp).
  absl::Status CheckRunning(Address impl) {
    ASSIGN_OR_RETURN(const Address top_frame, memory_.ReadPointer(impl + structs_.top_frame));
    if (!top_frame.is_null()) Check(absl::UnavailableError("a thread was just switching between greenlets"));
    return absl::OkStatus();
  }

  absl::StatusOr<OfMain*> Main(Address object) {
    const auto known = mains_.find(object);
    if (known != mains_.end()) return &known->second;
    OfMain main;
    ASSIGN_OR_RETURN(const Address impl, memory_.ReadPointer(object + structs_.pimpl));
    ASSIGN_OR_RETURN(const Address state, memory_.ReadPointer(impl + structs_.thread_state));
    main.thread_ended = state.is_null();
    if (!main.thread_ended) {
      ASSIGN_OR_RETURN(main.current, memory_.ReadPointer(state + structs_.current_greenlet));
    }
    return &mains_.emplace(object, main).first->second;
  }

  // A part of the stack that it has in C may be where greenlet has copied it to, since others use its place.
  absl::Status DescribeSuspended(Address impl, Address start, Address stop, OfMain& main, Greenlet& greenlet) {
    ASSIGN_OR_RETURN(const Address copy, memory_.ReadPointer(impl + structs_.stack_copy));
    ASSIGN_OR_RETURN(const uint64_t saved, memory_.ReadValue<uint64_t>(impl + structs_.stack_saved));
    const bool has_stop = stop.value() != kNoEnd;
    if (saved > kMaxSavedStack || (has_stop && (start > stop || saved > static_cast<uint64_t>(stop - start)))) {
      return absl::DataLossError("its stack makes no sense");
    }
    const AddressRange moved = {start, saved};
    // What was not copied is gone with the thread.
    AddressRange lost;
    if (main.thread_ended) lost = {moved.end(), static_cast<uint64_t>(stop - moved.end())};
    OverlayMemory stack(memory_, moved, copy, lost);
    ASSIGN_OR_RETURN(const AddressRange cut, CutLink(impl));
    OverlayMemory memory(stack, cut, impl + structs_.prev_frame);

    const bool by_object = structs_.current_frame == kNoOffset;
    const absl::StatusOr<Address> innermost =
        memory_.ReadPointer(impl + (by_object ? structs_.top_frame : structs_.current_frame));
    if (innermost.ok()) {
      greenlet.chain = FrameWalker(runtime_, memory, code_reader_).WalkFrom(*innermost);
    } else {
      greenlet.chain.truncated = innermost.status();
    }
    const absl::Status status = FollowExceptions(impl, memory, main, greenlet);
    if (!status.ok())
      Check(absl::Status(status.code(), absl::StrFormat("the exceptions of greenlet %#x: %s", greenlet.object.value(),
                                                        status.message())));
    return absl::OkStatus();
  }

  // The link from its innermost frame outwards, where greenlet has put it aside; empty where it has not.
  absl::StatusOr<AddressRange> CutLink(Address impl) {
    const Layout& layout = runtime_.layout;
    if (structs_.prev_frame == kNoOffset || layout.PyFrameObject.f_frame == kNoOffset) return AddressRange();
    ASSIGN_OR_RETURN(const Address aside, memory_.ReadPointer(impl + structs_.prev_frame));
    ASSIGN_OR_RETURN(const Address object, memory_.ReadPointer(impl + structs_.top_frame));
    if (aside.is_null() || object.is_null()) return AddressRange();
    ASSIGN_OR_RETURN(const Address frame, memory_.ReadPointer(object + layout.PyFrameObject.f_frame));
    return AddressRange{frame + layout._PyInterpreterFrame.previous, sizeof(uint64_t)};
  }

  // The thread state that has this item in it: its exc_state, which micro versions have at different places. Null:
  // none.
  Address ThreadStateWith(Address item) const {
    const auto after = order_.upper_bound(item);
    if (after == order_.begin()) return Address();
    const Address state = std::prev(after)->first;
    const auto& layout = runtime_.layout.PyThreadState;
    const Offset size = layout.base_size != kNoOffset ? layout.base_size : layout.size_;
    return item - state < size ? state : Address();
  }

  // The items from exc_info on, of the generators that it is inside of, lead to that of the thread, of which it has
  // kept the contents (ExceptionState, src/greenlet/TExceptionState.cpp).
  absl::Status FollowExceptions(Address impl, Memory& memory, OfMain& main, Greenlet& greenlet) {
    const auto& layout = runtime_.layout._PyErr_StackItem;
    const Address none = runtime_.Symbol("_Py_NoneStruct");
    const auto note = [&](Address value) {
      if (greenlet.handling.is_null() && value != none) greenlet.handling = value;
    };
    ASSIGN_OR_RETURN(Address item, memory.ReadPointer(impl + structs_.exc_info));
    absl::flat_hash_set<Address> seen;
    while (!item.is_null() && !main.thread_ended) {
      if (const Address thread = ThreadStateWith(item); !thread.is_null()) {
        ASSIGN_OR_RETURN(const Address value, memory.ReadPointer(impl + structs_.exc_state + layout.exc_value));
        note(value);
        main.contradicted |= !main.thread_state.is_null() && main.thread_state != thread;
        main.thread_state = thread;
        return absl::OkStatus();
      }
      if (!seen.insert(item).second || seen.size() > kMaxExceptionDepth) {
        return absl::DataLossError("their chain does not end");
      }
      ASSIGN_OR_RETURN(const Address value, memory.ReadPointer(item + layout.exc_value));
      note(value);
      ASSIGN_OR_RETURN(item, memory.ReadPointer(item + layout.previous_item));
    }
    return absl::OkStatus();
  }

  const Runtime& runtime_;
  Memory& memory_;
  const GreenletStructs& structs_;
  CodeReader& code_reader_;
  std::map<Address, size_t> order_;             // of thread states
  absl::node_hash_map<Address, OfMain> mains_;  // by the main greenlet
  bool is_imported_ = false;
  GreenletList list_;
};

}  // namespace

GreenletList ListGreenlets(const Runtime& runtime,
                           Memory& memory,
                           const GreenletStructs& structs,
                           const OldGreenlets& old,
                           const std::vector<PythonThread>& threads,
                           CodeReader& code_reader) {
  Lister lister(runtime, memory, structs, threads, code_reader);
  absl::flat_hash_set<Address> seen;
  for (const PythonThread& thread : threads) {
    if (!thread.interpreter.is_null() && seen.insert(thread.interpreter).second) lister.AddInterpreter(thread, old);
  }
  return lister.Finish();
}

}  // namespace pysnap
