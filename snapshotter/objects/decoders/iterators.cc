// Iterators: what they go through, and where they are in it.
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

// An iterator that has come to the end has let go of what it went through.
absl::Status DecodeIndexed(Crawl& crawl, Address object, Offset sequence, Offset index, proto::Object& out) {
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"index", index}}, out));
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

// Those of str, bytes and bytearray, of what has only __getitem__, and the ones that go backwards are structs alike
// (Objects/iterobject.c, unicodeobject.c, bytesobject.c, bytearrayobject.c, listobject.c, enumobject.c).
absl::Status DecodeSequenceIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().seqiterobject;
  return DecodeIndexed(crawl, object, layout.it_seq, layout.it_index, out);
}

// Objects/rangeobject.c, rangeiterobject. Parts: what is left, as the start, step and length of a range.
absl::Status DecodeRangeIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().rangeiterobject;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(int64_t start, memory.ReadValue<int64_t>(object + layout.start));
  ASSIGN_OR_RETURN(const int64_t step, memory.ReadValue<int64_t>(object + layout.step));
  ASSIGN_OR_RETURN(int64_t length, memory.ReadValue<int64_t>(object + layout.len));
  if (layout.index != kNoOffset) {
    ASSIGN_OR_RETURN(const int64_t index, memory.ReadValue<int64_t>(object + layout.index));
    int64_t passed = 0;
    if (index < 0 || index > length || __builtin_mul_overflow(index, step, &passed) ||
        __builtin_add_overflow(start, passed, &start)) {
      return absl::DataLossError("it is outside of its range");
    }
    length -= index;
  }
  if (length < 0) return absl::DataLossError("less than nothing is left of its range");
  AddIntPart(crawl, "start", start, out);
  AddIntPart(crawl, "step", step, out);
  AddIntPart(crawl, "length", length, out);
  return absl::OkStatus();
}

// The same with ints of any size (longrangeiterobject), of which none can be calculated here: `index`, to 3.11, is how
// many were passed.
absl::Status DecodeLongRangeIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().longrangeiterobject;
  if (layout.index != kNoOffset) RETURN_IF_ERROR(AddPart(crawl, "index", object, layout.index, out));
  return DecodeParts(crawl, object, {{"start", layout.start}, {"step", layout.step}, {"length", layout.len}}, out);
}

// Objects/dictobject.c, of keys, values and items, in either direction: `remaining` is how many are left, and `size`
// how many the dict had when it was asked for an iterator (-1 when it has been caught with another number).
absl::Status DecodeDictIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().dictiterobject;
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"size", layout.di_used}, {"remaining", layout.len}}, out));
  return AddPart(crawl, "mapping", object, layout.di_dict, out);
}

// Objects/odictobject.c, odictiterobject. `kind` is 2 for keys, 4 for values, 6 for items, and odd for backwards;
// `current` the key that comes next, none at the end.
absl::Status DecodeOrderedDictIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().odictiterobject;
  ASSIGN_OR_RETURN(const int32_t kind, crawl.memory().ReadValue<int32_t>(object + layout.kind));
  AddIntPart(crawl, "kind", kind, out);
  return DecodeParts(crawl, object, {{"mapping", layout.di_odict}, {"current", layout.di_current}}, out);
}

// Modules/_collectionsmodule.c, dequeiterobject. `changed`: the deque is not any more what it was when this was made,
// and to go on would raise.
absl::Status DecodeDequeIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().dequeiterobject;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const Address deque, memory.ReadPointer(object + layout.deque));
  ASSIGN_OR_RETURN(const uint64_t state, memory.ReadValue<uint64_t>(object + layout.state));
  ASSIGN_OR_RETURN(const uint64_t now, memory.ReadValue<uint64_t>(deque + crawl.layout().dequeobject.state));
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"remaining", layout.counter}}, out));
  if (state != now) AddIntPart(crawl, "changed", 1, out);
  return AddPart(crawl, "deque", object, layout.deque, out);
}

absl::Status DecodeCallableIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().calliterobject;
  return DecodeParts(crawl, object, {{"callable", layout.it_callable}, {"sentinel", layout.it_sentinel}}, out);
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
  const auto& layout = crawl.layout().zipobject;
  out.mutable_parts();
  RETURN_IF_ERROR(AddFlag(crawl, "strict", object, layout.strict, out));
  return AddPart(crawl, "iterators", object, layout.ittuple, out);
}

absl::Status DecodeMap(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().mapobject;
  out.mutable_parts();
  RETURN_IF_ERROR(AddFlag(crawl, "strict", object, layout.strict, out));
  return DecodeParts(crawl, object, {{"function", layout.func}, {"iterators", layout.iters}}, out);
}

absl::Status DecodeFilter(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().filterobject;
  return DecodeParts(crawl, object, {{"function", layout.func}, {"iterator", layout.it}}, out);
}

// itertools.count: `count`, or, where the number or the step is not an ordinary one, `number`
// (Modules/itertoolsmodule.c).
absl::Status DecodeCount(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().countobject;
  out.mutable_parts();
  ASSIGN_OR_RETURN(const int64_t count, crawl.memory().ReadValue<int64_t>(object + layout.cnt));
  if (count != std::numeric_limits<int64_t>::max()) {
    AddIntPart(crawl, "count", count, out);
  } else {
    RETURN_IF_ERROR(AddPart(crawl, "number", object, layout.long_cnt, out));
  }
  return AddPart(crawl, "step", object, layout.long_step, out);
}

// itertools.repeat: `count` is negative when there is no end.
absl::Status DecodeRepeat(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().repeatobject;
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"count", layout.cnt}}, out));
  return AddPart(crawl, "element", object, layout.element, out);
}

// itertools.chain: `active` is the one that it is in, `source` gives those that follow.
absl::Status DecodeChain(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().chainobject;
  return DecodeParts(crawl, object, {{"source", layout.source}, {"active", layout.active}}, out);
}

// itertools.islice: `passed` of the iterator's elements are gone, `next` is the number of the one to come. `stop` is -1
// when there is no end.
absl::Status DecodeIslice(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().isliceobject;
  RETURN_IF_ERROR(
      AddNumbers(crawl, object,
                 {{"next", layout.next}, {"stop", layout.stop}, {"step", layout.step}, {"passed", layout.cnt}}, out));
  return AddPart(crawl, "iterator", object, layout.it, out);
}

absl::Status DecodeStarMap(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().starmapobject;
  return DecodeParts(crawl, object, {{"function", layout.func}, {"iterator", layout.it}}, out);
}

// itertools.tee: `data` is a link of the chain of elements that all its copies share, `index` how many of those in it
// were passed.
absl::Status DecodeTee(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().teeobject;
  out.mutable_parts();
  ASSIGN_OR_RETURN(const int32_t index, crawl.memory().ReadValue<int32_t>(object + layout.index));
  AddIntPart(crawl, "index", index, out);
  return AddPart(crawl, "data", object, layout.dataobj, out);
}

// Items: what has been read of `iterator` so far. Only a link that is full has a `next` one.
absl::Status DecodeTeeData(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().teedataobject;
  Memory& memory = crawl.memory();
  RETURN_IF_ERROR(DecodeParts(crawl, object, {{"iterator", layout.it}, {"next", layout.nextlink}}, out));
  ASSIGN_OR_RETURN(const int32_t count, memory.ReadValue<int32_t>(object + layout.numread));
  const int64_t capacity = (layout.size_ - layout.values) / static_cast<int64_t>(sizeof(uint64_t));
  if (count < 0 || count > capacity) return absl::DataLossError(absl::StrFormat("%d of %d elements", count, capacity));
  if (count == 0) return absl::OkStatus();
  if (!crawl.CanDescend()) {
    crawl.MarkCut(out, static_cast<uint64_t>(count));
    return absl::OkStatus();
  }
  std::vector<uint64_t> values;
  RETURN_IF_ERROR(memory.ReadArray(object + layout.values, static_cast<uint64_t>(count), values));
  for (const uint64_t value : values) AddItem(crawl, Address(value), out);
  return absl::OkStatus();
}

// itertools.groupby: `current` is the element that was read last, with its `key`; `group` is the key of those that are
// being given.
absl::Status DecodeGroupBy(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().groupbyobject;
  return DecodeParts(crawl, object,
                     {{"iterator", layout.it},
                      {"function", layout.keyfunc},
                      {"group", layout.tgtkey},
                      {"key", layout.currkey},
                      {"current", layout.currvalue}},
                     out);
}

// `in_turn`: it is the group that its parent is in, and not one before.
absl::Status DecodeGrouper(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout()._grouperobject;
  Memory& memory = crawl.memory();
  out.mutable_parts();
  ASSIGN_OR_RETURN(const Address parent, memory.ReadPointer(object + layout.parent));
  ASSIGN_OR_RETURN(const Address current, memory.ReadPointer(parent + crawl.layout().groupbyobject.currgrouper));
  if (current == object) AddIntPart(crawl, "in_turn", 1, out);
  return DecodeParts(crawl, object, {{"parent", layout.parent}, {"group", layout.tgtkey}}, out);
}

}  // namespace pysnap
