// Code, frames, tracebacks, generators.
#include "snapshotter/cpython/version_support.h"
#include "snapshotter/objects/absent.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr const char* kNotRead = "not read";

// The frame behind a PyFrameObject: itself, or the one it points to.
absl::StatusOr<Address> FrameOf(Crawl& crawl, Address frame_object) {
  const Offset field = crawl.layout().PyFrameObject.f_frame;
  if (field == kNoOffset) return frame_object;
  return crawl.memory().ReadPointer(frame_object + field);
}

absl::Status FillFrame(Crawl& crawl, Address frame, proto::Frame& out) {
  if (!crawl.options().fill_frame) return absl::UnimplementedError(kNotRead);
  return crawl.options().fill_frame(frame, crawl.facade(), out);
}

proto::Generator::State StateOf(GeneratorState state) {
  switch (state) {
    case GeneratorState::kCreated:
      return proto::Generator::CREATED;
    case GeneratorState::kSuspended:
      return proto::Generator::SUSPENDED;
    case GeneratorState::kRunning:
      return proto::Generator::RUNNING;
    case GeneratorState::kClosed:
      return proto::Generator::CLOSED;
    case GeneratorState::kUnknown:
      break;
  }
  return proto::Generator::STATE_UNKNOWN;
}

absl::Status Decode(Crawl& crawl, Address object, proto::Generator::Kind kind, proto::Object& out) {
  const auto& layout = crawl.layout().PyGenObject;
  const Runtime& runtime = crawl.runtime();
  proto::Generator& generator = *out.mutable_generator();
  generator.set_kind(kind);
  const bool essential = crawl.IsSuspended(object);
  const auto ref = [&](Address value) { return essential ? crawl.RefEssential(value) : crawl.Ref(value); };
  ASSIGN_OR_RETURN(const Address name, crawl.memory().ReadPointer(object + layout.gi_name));
  generator.set_name(ref(name));
  ASSIGN_OR_RETURN(const Address qualname, crawl.memory().ReadPointer(object + layout.gi_qualname));
  generator.set_qualname(ref(qualname));
  if (layout.gi_code != kNoOffset) {
    ASSIGN_OR_RETURN(const Address code, crawl.memory().ReadPointer(object + layout.gi_code));
    generator.set_code(crawl.RefEssential(code));
  }
  ASSIGN_OR_RETURN(const GeneratorInfo info, runtime.version->read_generator(runtime, crawl.memory(), object));
  generator.set_state(StateOf(info.state));
  if (info.state == GeneratorState::kSuspended) {
    ASSIGN_OR_RETURN(const Address handled, crawl.memory().ReadPointer(object + layout.gi_exc_state +
                                                                       crawl.layout()._PyErr_StackItem.exc_value));
    if (handled != runtime.Symbol("_Py_NoneStruct")) generator.set_handling(crawl.Ref(handled));
  }
  if (info.frame.is_null() || (!essential && !crawl.CanDescend())) return absl::OkStatus();
  proto::Frame& frame = *generator.mutable_frame();
  const absl::Status status = FillFrame(crawl, info.frame, frame);
  if (!status.ok() && !frame.has_absent()) SetAbsent(status, *frame.mutable_absent());
  if (generator.code() == 0) generator.set_code(frame.code());
  // What it waits for is on top of its stack.
  const bool suspended = info.state == GeneratorState::kSuspended;
  const bool delegates = info.delegates || (suspended && crawl.DelegatesByCode(info.frame, frame.lasti()));
  if (!delegates) return absl::OkStatus();
  // Above it may be an entry that is no object (3.15, Python/bytecodes.c: SEND).
  for (int i = frame.stack_size(); i-- > 0 && generator.awaiting() == 0 && i + 2 >= frame.stack_size();) {
    generator.set_awaiting(frame.stack(i));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeCode(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  if (!crawl.options().fill_code) return absl::UnimplementedError(kNotRead);
  return crawl.options().fill_code(object, crawl.facade(), *out.mutable_code());
}

absl::Status DecodeFrameObject(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const Address frame, FrameOf(crawl, object));
  return FillFrame(crawl, frame, *out.mutable_frame());
}

absl::Status DecodeTraceback(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyTracebackObject;
  proto::Traceback& traceback = *out.mutable_traceback();
  ASSIGN_OR_RETURN(const Address frame, crawl.memory().ReadPointer(object + layout.tb_frame));
  ASSIGN_OR_RETURN(const int32_t lasti, crawl.memory().ReadValue<int32_t>(object + layout.tb_lasti));
  ASSIGN_OR_RETURN(int32_t line, crawl.memory().ReadValue<int32_t>(object + layout.tb_lineno));
  traceback.set_frame(crawl.Ref(frame));
  ASSIGN_OR_RETURN(const uint32_t next, crawl.RefField(object, layout.tb_next));
  traceback.set_next(next);
  traceback.set_lasti(lasti);
  // From 3.11 on the line is worked out when somebody asks (Python/traceback.c: tb_lineno_get).
  if (line <= 0) line = crawl.LineOf(frame, lasti);
  if (line > 0) traceback.set_line(static_cast<uint32_t>(line));
  return absl::OkStatus();
}

absl::Status DecodeGenerator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return Decode(crawl, object, proto::Generator::GENERATOR, out);
}

absl::Status DecodeCoroutine(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return Decode(crawl, object, proto::Generator::COROUTINE, out);
}

absl::Status DecodeAsyncGenerator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return Decode(crawl, object, proto::Generator::ASYNC_GENERATOR, out);
}

}  // namespace pysnap
