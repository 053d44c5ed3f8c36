// An exception of a snapshot, in Python's own words.
#ifndef PYSNAP_FORMAT_EXCEPTION_VIEW_H_
#define PYSNAP_FORMAT_EXCEPTION_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Null when the object is not an exception, or its contents are absent.
const proto::Exception* ExceptionOf(const LoadedSnapshot& snapshot, uint32_t id);

// Its class as a traceback names it: without the module for builtins and __main__.
std::string ExceptionTypeName(const LoadedSnapshot& snapshot, uint32_t id);

// str(exception), at most `max_characters` (0: no limit). Nothing when the class may have a __str__ of its own that we
// do not know.
std::optional<std::string> ExceptionMessage(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters);

// The last lines of a traceback: "ValueError: text", notes after it, SyntaxError's source line before it.
std::vector<std::string> ExceptionLines(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters);

// __notes__ as a traceback prints them, one string a note.
std::vector<std::string> ExceptionNotes(const LoadedSnapshot& snapshot, uint32_t id, size_t max_characters);

// The member exceptions of an ExceptionGroup.
std::vector<uint32_t> GroupMembers(const LoadedSnapshot& snapshot, uint32_t id);

// What a traceback shows before this exception: its cause, or its context unless suppressed; 0: neither.
struct Predecessor {
  uint32_t id = 0;
  bool is_cause = false;
};
Predecessor PredecessorOf(const LoadedSnapshot& snapshot, uint32_t id);

inline constexpr const char* kCauseMessage = "The above exception was the direct cause of the following exception:";
inline constexpr const char* kContextMessage = "During handling of the above exception, another exception occurred:";

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_EXCEPTION_VIEW_H_
