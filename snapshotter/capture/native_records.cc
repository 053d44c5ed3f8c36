#include "snapshotter/capture/native_records.h"

#include <utility>
#include <vector>

#include "snapshotter/capture/merge_stacks.h"
#include "snapshotter/objects/absent.h"

namespace pysnap {

absl::Status RecordNativeFrames(const NativeStacks& stacks,
                                const NativeStack& stack,
                                const FrameChain& chain,
                                absl::FunctionRef<uint32_t(absl::string_view)> string,
                                proto::Thread& record) {
  if (!stack.end.ok()) SetAbsent(stack.end, *record.mutable_native_truncated());

  std::vector<bool> in_evaluation_function;
  in_evaluation_function.reserve(stack.frames.size());
  for (const NativeFrame& frame : stack.frames) {
    in_evaluation_function.push_back(IsEvaluationFunction(stacks.CodeOf(frame).functions.back().symbol));
  }
  const absl::StatusOr<StackPlaces> places = MergeStacks({.evaluations = chain.evaluations,
                                                          .native = stack.frames,
                                                          .in_evaluation_function = &in_evaluation_function,
                                                          .native_is_whole = stack.end.ok()});
  record.set_native_merged(places.ok());
  std::vector<const Evaluation*> evaluation_at(stack.frames.size());
  for (size_t i = 0; places.ok() && i < places->size(); ++i) {
    if ((*places)[i].has_value()) evaluation_at[*(*places)[i]] = &chain.evaluations[i];
  }

  const auto text = [&string](absl::string_view value) { return value.empty() ? 0 : string(value); };
  const size_t count = stack.frames.size();
  for (size_t i = 0; i < count; ++i) {
    const NativeFrame& frame = stack.frames[i];
    const Evaluation* evaluation = evaluation_at[i];
    if (i >= kRecordedNativeFrames && count - i > kRecordedNativeFrames && evaluation == nullptr) {
      proto::NativeFrame& before = *record.mutable_native_frame(record.native_frame_size() - 1);
      before.set_omitted(before.omitted() + 1);
      continue;
    }
    const NativeStacks::Code& code = stacks.CodeOf(frame);
    for (size_t j = 0; j < code.functions.size(); ++j) {
      const NativeFunction& function = code.functions[j];
      proto::NativeFrame& out = *record.add_native_frame();
      out.set_pc(frame.pc.value());
      out.set_sp(frame.sp.value());
      out.set_function(text(function.name));
      out.set_file(text(function.file));
      out.set_line(function.line);
      if (code.module != nullptr) {
        out.set_module(text(code.module->path));
        out.set_module_address(frame.pc.value() - code.module->bias);
        out.set_build_id(text(code.module->build_id));
      }
      if (function.from_table) {
        out.set_function_offset(function.offset + static_cast<uint64_t>(frame.pc - frame.instruction()));
      }
      const bool is_inlined = j + 1 < code.functions.size();
      out.set_inlined(is_inlined);
      out.set_signal_trampoline(frame.is_signal_trampoline);
      if (!is_inlined && evaluation != nullptr && evaluation->frame_count > 0) {
        out.set_python_first(static_cast<uint32_t>(evaluation->first_frame));
        out.set_python_count(static_cast<uint32_t>(evaluation->frame_count));
      }
    }
  }
  return places.status();
}

}  // namespace pysnap
