// The parts of a text view that are alike wherever they stand: frames with their locals, values, exceptions.
#ifndef PYSNAP_FORMAT_TEXT_WRITER_H_
#define PYSNAP_FORMAT_TEXT_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "snapshotter/format/context_view.h"
#include "snapshotter/format/frame_view.h"
#include "snapshotter/format/loaded_snapshot.h"
#include "snapshotter/format/show_options.h"
#include "snapshotter/format/text_style.h"

namespace pysnap::format {

using TextSink = std::function<void(std::string_view)>;

// Whatever the target's names and values hold, the text is harmless to a terminal.
class TextWriter {
 public:
  // All outlive it.
  TextWriter(const LoadedSnapshot& snapshot, const ShowOptions& options, const TextSink& sink)
      : snapshot_(snapshot), options_(options), style_(options.color), sink_(sink) {}

  // `text` is harmless, and has no line ending.
  void Line(std::string_view text);
  // Passes on what is still held back.
  void Flush();

  // Each with its source line and its locals, but for frames at an address of `without_locals`.
  void Frames(const std::vector<FrameView>& frames,
              const std::string& indent,
              const absl::flat_hash_set<uint64_t>& without_locals);
  // The exception after those that led to it, oldest first, as Python prints them.
  void ExceptionChain(uint32_t id, const std::string& indent, const absl::flat_hash_set<uint64_t>& without_locals);
  // One value, cut to the option's length with the whole length said.
  std::string ValueText(uint32_t id, bool as_builtin = false);
  // Attributes that have been shown are shown again where they come up next.
  void ExplainAgain() { explained_.clear(); }

 private:
  struct ExceptionContext;

  // One line, dimmed, so that the Python frames stand out.
  void NativeFrame(const FrameView& view, const std::string& indent);
  void Frame(const FrameView& view, const std::string& indent, bool locals);
  void Locals(const proto::Frame& frame, const std::string& indent);
  // The with statements that a frame is inside of, and what is in their context managers.
  void Contexts(const std::vector<ContextView>& contexts, const std::string& indent, int depth = 0);
  std::string FirstNames(const std::vector<std::string_view>& names);
  void NameList(const std::string& indent, const char* what, const std::vector<std::string_view>& names);
  // `name = value`, and one level below it what the value's repr does not tell.
  void Named(const std::string& indent, std::string_view name, uint32_t id);
  void Suspended(uint32_t id, const std::string& indent);
  void ExceptionChain(uint32_t id, ExceptionContext* context);
  void OneException(uint32_t id, ExceptionContext* context);
  void ExceptionText(uint32_t id, const std::string& margin);
  void ExceptionAttributes(uint32_t id, const std::string& indent);
  // Recursion through ExceptionChain is bounded by kMaxGroupDepth.
  void Group(const std::vector<uint32_t>& members, ExceptionContext* context);

  const LoadedSnapshot& snapshot_;
  const ShowOptions& options_;
  const Style style_;
  const TextSink& sink_;
  std::string buffer_;
  // Objects whose attributes were shown, since ExplainAgain.
  absl::flat_hash_set<uint32_t> explained_;
  // Context managers of the present frame whose contents were told.
  absl::flat_hash_set<uint32_t> opened_;
};

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_TEXT_WRITER_H_
