// The iterators of itertools (Modules/itertoolsmodule.c) that keep more than where they stand; the plain ones are in
// iterators.cc.
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxIndices = 1 << 20;

// Part `indices`: `count` of Py_ssize_t, which the field of the struct points to.
absl::Status AddIndices(Crawl& crawl, Address object, Offset field, uint64_t count, proto::Object& out) {
  if (count > kMaxIndices) return absl::DataLossError(absl::StrFormat("%d indices", count));
  ASSIGN_OR_RETURN(const Address array, crawl.memory().ReadPointer(object + field));
  const uint64_t size = count * sizeof(int64_t);
  if (crawl.touch_only()) {
    crawl.Touch(array, size);
    return absl::OkStatus();
  }
  std::string indices;
  if (size > 0) RETURN_IF_ERROR(crawl.memory().ReadArray(array, size, indices));
  AddBytesPart(crawl, "indices", indices, out);
  return absl::OkStatus();
}

// `begun`: it has given something; the indices are those of what it gave last.
absl::Status AddProgress(Crawl& crawl, Address object, Offset result, Offset stopped, proto::Object& out) {
  ASSIGN_OR_RETURN(const Address last, crawl.memory().ReadPointer(object + result));
  if (!last.is_null()) AddIntPart(crawl, "begun", 1, out);
  return AddFlag(crawl, "stopped", object, stopped, out);
}

// Those of one pool, from which `r` are chosen.
template <typename L>
absl::Status DecodeChoice(Crawl& crawl, Address object, const L& layout, proto::Object& out) {
  out.mutable_parts();
  RETURN_IF_ERROR(AddProgress(crawl, object, layout.result, layout.stopped, out));
  ASSIGN_OR_RETURN(const int64_t r, crawl.memory().ReadValue<int64_t>(object + layout.r));
  if (r < 0) return absl::DataLossError(absl::StrFormat("%d are chosen", r));
  AddIntPart(crawl, "r", r, out);
  RETURN_IF_ERROR(AddIndices(crawl, object, layout.indices, static_cast<uint64_t>(r), out));
  return AddPart(crawl, "pool", object, layout.pool, out);
}

}  // namespace

// `saved` holds what is given again and again from `index` on, once `iterator` has come to its end. Up to 3.13
// `first_pass` says that `saved` is whole although there is an iterator, because it was set so.
absl::Status DecodeCycle(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().cycleobject;
  out.mutable_parts();
  RETURN_IF_ERROR(AddFlag(crawl, "first_pass", object, layout.firstpass, out));
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"index", layout.index}}, out));
  return DecodeParts(crawl, object, {{"iterator", layout.it}, {"saved", layout.saved}}, out);
}

absl::Status DecodeTakeWhile(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().takewhileobject;
  RETURN_IF_ERROR(AddFlag(crawl, "stopped", object, layout.stop, out));
  return DecodeParts(crawl, object, {{"function", layout.func}, {"iterator", layout.it}}, out);
}

absl::Status DecodeDropWhile(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().dropwhileobject;
  RETURN_IF_ERROR(AddFlag(crawl, "begun", object, layout.start, out));
  return DecodeParts(crawl, object, {{"function", layout.func}, {"iterator", layout.it}}, out);
}

absl::Status DecodeFilterFalse(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().filterfalseobject;
  return DecodeParts(crawl, object, {{"function", layout.func}, {"iterator", layout.it}}, out);
}

absl::Status DecodeCompress(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().compressobject;
  return DecodeParts(crawl, object, {{"iterator", layout.data}, {"selectors", layout.selectors}}, out);
}

absl::Status DecodeAccumulate(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().accumulateobject;
  return DecodeParts(
      crawl, object,
      {{"iterator", layout.it}, {"function", layout.binop}, {"initial", layout.initial}, {"total", layout.total}}, out);
}

absl::Status DecodeProduct(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().productobject;
  out.mutable_parts();
  RETURN_IF_ERROR(AddProgress(crawl, object, layout.result, layout.stopped, out));
  ASSIGN_OR_RETURN(const Address pools, crawl.memory().ReadPointer(object + layout.pools));
  ASSIGN_OR_RETURN(const uint64_t count,
                   crawl.memory().ReadValue<uint64_t>(pools + crawl.layout().PyVarObject.ob_size));
  RETURN_IF_ERROR(AddIndices(crawl, object, layout.indices, count, out));
  return AddTupleParts(crawl, pools, out);
}

absl::Status DecodeCombinations(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeChoice(crawl, object, crawl.layout().combinationsobject, out);
}

absl::Status DecodeCombinationsWithReplacement(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeChoice(crawl, object, crawl.layout().cwrobject, out);
}

absl::Status DecodePermutations(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeChoice(crawl, object, crawl.layout().permutationsobject, out);
}

absl::Status DecodeZipLongest(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().ziplongestobject;
  return DecodeParts(crawl, object, {{"iterators", layout.ittuple}, {"fillvalue", layout.fillvalue}}, out);
}

absl::Status DecodePairwise(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().pairwiseobject;
  return DecodeParts(crawl, object, {{"iterator", layout.it}, {"last", layout.old}}, out);
}

absl::Status DecodeBatched(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().batchedobject;
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"size", layout.batch_size}}, out));
  if (layout.strict != kNoOffset) {
    ASSIGN_OR_RETURN(const uint8_t strict, crawl.memory().ReadValue<uint8_t>(object + layout.strict));
    if (strict != 0) AddIntPart(crawl, "strict", 1, out);
  }
  return AddPart(crawl, "iterator", object, layout.it, out);
}

}  // namespace pysnap
