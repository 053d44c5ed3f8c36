// Iterators whose position is a number, and those that wrap others.
#include <cstdint>

#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

// An iterator that has come to the end has let go of what it went through.
absl::Status DecodeIndexed(Crawl& crawl, Address object, Offset sequence, Offset index, proto::Object& out) {
  out.mutable_parts();
  ASSIGN_OR_RETURN(const int64_t position, crawl.memory().ReadValue<int64_t>(object + index));
  AddIntPart(crawl, "index", position, out);
  return AddPart(crawl, "sequence", object, sequence, out);
}

}  // namespace

absl::Status DecodeListIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout()._PyListIterObject;
  return DecodeIndexed(crawl, object, layout.it_seq, layout.it_index, out);
}

absl::Status DecodeTupleIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout()._PyTupleIterObject;
  return DecodeIndexed(crawl, object, layout.it_seq, layout.it_index, out);
}

// enumerate: once its number does not fit a Py_ssize_t it is another field (en_longindex), which is not read.
absl::Status DecodeEnumerate(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().enumobject;
  ASSIGN_OR_RETURN(const int64_t index, crawl.memory().ReadValue<int64_t>(object + layout.en_index));
  if (index == INT64_MAX) return absl::UnimplementedError("it counts beyond 2**63");
  AddIntPart(crawl, "index", index, out);
  return AddPart(crawl, "iterator", object, layout.en_sit, out);
}

absl::Status DecodeZip(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return AddPart(crawl, "iterators", object, crawl.layout().zipobject.ittuple, out);
}

}  // namespace pysnap
