// Exceptions, and what their C structs add.
#include <vector>

#include "snapshotter/objects/attributes.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {

// Registered for BaseException, so `type` may be any exception class: the fields of those made in C are members of
// theirs, those of classes in Python are attributes like any other.
absl::Status DecodeException(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  const auto& layout = crawl.layout().PyBaseExceptionObject;
  proto::Exception& exception = *out.mutable_exception();
  ASSIGN_OR_RETURN(uint32_t id, crawl.RefField(object, layout.args));
  exception.set_args(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.traceback));
  exception.set_traceback(id);
  if (const Address traceback = crawl.TracebackOfRaised(object); !traceback.is_null()) {
    exception.set_traceback(crawl.Ref(traceback));
  }
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.context));
  exception.set_context(id);
  ASSIGN_OR_RETURN(id, crawl.RefField(object, layout.cause));
  exception.set_cause(id);
  ASSIGN_OR_RETURN(const uint8_t suppress, crawl.memory().ReadValue<uint8_t>(object + layout.suppress_context));
  exception.set_suppress_context(suppress != 0);
  if (type.decoded_as->name == "BaseExceptionGroup") {
    const auto& group = crawl.layout().PyBaseExceptionGroupObject;
    ASSIGN_OR_RETURN(id, crawl.RefField(object, group.msg));
    exception.set_message(id);
    ASSIGN_OR_RETURN(id, crawl.RefField(object, group.excs));
    exception.set_exceptions(id);
    return absl::OkStatus();
  }
  std::vector<const TypeInfo*> bases;
  for (const TypeInfo* base = type.decoded_as; base != nullptr && base->name != "BaseException"; base = base->base) {
    bases.push_back(base);
  }
  absl::Status problem;
  for (auto base = bases.rbegin(); base != bases.rend(); ++base) {
    for (const TypeMember& member : (*base)->members) {
      const absl::Status status = DecodeMember(crawl, object, member, *exception.mutable_field());
      if (problem.ok()) problem = status;
    }
  }
  return problem;
}

}  // namespace pysnap
