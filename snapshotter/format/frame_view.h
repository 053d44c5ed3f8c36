// A frame of a snapshot as a person or a script wants to see it: names instead of ids.
#ifndef PYSNAP_FORMAT_FRAME_VIEW_H_
#define PYSNAP_FORMAT_FRAME_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/object_facts.h"

namespace pysnap::format {

// Views point into the snapshot.
struct FrameView {
  const proto::Frame* frame = nullptr;
  // Set for a native frame, of which file, function and line below may be known and nothing else is.
  const proto::NativeFrame* native = nullptr;
  // Null when the code object is not in the snapshot; then the names below are empty.
  const proto::Code* code = nullptr;
  std::string_view file;
  std::string_view function;
  std::string_view qualname;
  std::optional<std::string_view> module;  // __name__ of its globals
  uint32_t line = 0;                       // 0: not known
  uint32_t end_line = 0;
  std::optional<uint32_t> column;  // bytes of UTF-8 from 0
  std::optional<uint32_t> end_column;
  int32_t lasti = -1;
};

FrameView ViewFrame(const LoadedSnapshot& snapshot, const proto::Frame& frame);

// What is bound: arguments and locals in the order of the code's slots, cells and free variables with their contents;
// then, in a module's or a class's frame, the names of its namespace.
std::vector<NamedValue> LocalsOf(const LoadedSnapshot& snapshot, const proto::Frame& frame);

// The object id of the value of one of them; 0 when it is not bound.
uint32_t FindLocal(const LoadedSnapshot& snapshot, const proto::Frame& frame, std::string_view name);

// A thread's frames, most recent call last.
std::vector<FrameView> ThreadFrames(const LoadedSnapshot& snapshot, const proto::Thread& thread);

// A thread's native frames, most recent call last.
std::vector<FrameView> NativeFrames(const LoadedSnapshot& snapshot, const proto::Thread& thread);

// A thread's frames, most recent call last: Python frames in the places of the native ones that evaluate them. Without
// native frames, or when the places are not known, the Python frames alone.
std::vector<FrameView> MergedFrames(const LoadedSnapshot& snapshot, const proto::Thread& thread);

// The frames of a traceback (object id), most recent call last, each where the exception passed it.
std::vector<FrameView> TracebackFrames(const LoadedSnapshot& snapshot, uint32_t traceback);

// The frames of a suspended generator or coroutine and of all it waits on, outermost first. `leaf`, if not null, gets
// the object id of what the last one waits on: 0 when it is a frame of this list.
std::vector<FrameView> AwaitChain(const LoadedSnapshot& snapshot, uint32_t generator, uint32_t* leaf = nullptr);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_FRAME_VIEW_H_
