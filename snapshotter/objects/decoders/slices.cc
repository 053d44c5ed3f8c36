// slice and range.
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {

absl::Status DecodeSlice(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PySliceObject;
  proto::Slice& slice = *out.mutable_slice();
  ASSIGN_OR_RETURN(const uint32_t start, crawl.RefField(object, layout.start));
  ASSIGN_OR_RETURN(const uint32_t stop, crawl.RefField(object, layout.stop));
  ASSIGN_OR_RETURN(const uint32_t step, crawl.RefField(object, layout.step));
  slice.set_start(start);
  slice.set_stop(stop);
  slice.set_step(step);
  return absl::OkStatus();
}

absl::Status DecodeRange(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().rangeobject;
  proto::Slice& slice = *out.mutable_slice();
  slice.set_is_range(true);
  ASSIGN_OR_RETURN(const uint32_t start, crawl.RefField(object, layout.start));
  ASSIGN_OR_RETURN(const uint32_t stop, crawl.RefField(object, layout.stop));
  ASSIGN_OR_RETURN(const uint32_t step, crawl.RefField(object, layout.step));
  slice.set_start(start);
  slice.set_stop(stop);
  slice.set_step(step);
  return absl::OkStatus();
}

}  // namespace pysnap
