// Containers that are no builtin ones: queue.SimpleQueue and xml.etree.ElementTree.Element.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

absl::Status BadCount(int64_t count) { return absl::DataLossError(absl::StrFormat("%d items", count)); }

}  // namespace

// Modules/_queuemodule.c: a list of which the first are gone, from 3.13 on a ring.
absl::Status DecodeSimpleQueue(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().simplequeueobject;
  Memory& memory = crawl.memory();
  out.mutable_parts();
  if (layout.buf != kNoOffset) {
    const auto& ring = crawl.layout().RingBuf;
    const Address buffer = object + layout.buf;
    ASSIGN_OR_RETURN(const Address items, memory.ReadPointer(buffer + ring.items));
    ASSIGN_OR_RETURN(const int64_t first, memory.ReadValue<int64_t>(buffer + ring.get_idx));
    ASSIGN_OR_RETURN(const int64_t capacity, memory.ReadValue<int64_t>(buffer + ring.items_cap));
    ASSIGN_OR_RETURN(const int64_t count, memory.ReadValue<int64_t>(buffer + ring.num_items));
    return AddItemParts(crawl, items, first, count, capacity, out);
  }
  ASSIGN_OR_RETURN(const Address list, memory.ReadPointer(object + layout.lst));
  ASSIGN_OR_RETURN(const int64_t gone, memory.ReadValue<int64_t>(object + layout.lst_pos));
  ASSIGN_OR_RETURN(const int64_t size, memory.ReadValue<int64_t>(list + crawl.layout().PyVarObject.ob_size));
  ASSIGN_OR_RETURN(const Address items, memory.ReadPointer(list + crawl.layout().PyListObject.ob_item));
  if (gone < 0 || gone > size) return BadCount(gone);
  return AddItemParts(crawl, items, gone, size - gone, std::max<int64_t>(size, 1), out);
}

// Modules/_elementtree.c. Of `text` and `tail` the lowest bit says that they are lists of strs that are yet to be
// joined.
absl::Status DecodeElement(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().ElementObject;
  Memory& memory = crawl.memory();
  RETURN_IF_ERROR(DecodeParts(crawl, object, {{"tag", layout.tag}}, out));
  constexpr uint64_t kJoin = 1;
  for (const auto& [name, field] : {std::pair{"text", layout.text}, std::pair{"tail", layout.tail}}) {
    ASSIGN_OR_RETURN(const Address tagged, memory.ReadPointer(object + field));
    AddObjectPart(crawl, name, Address(tagged.value() & ~kJoin), out);
  }
  ASSIGN_OR_RETURN(const Address extra, memory.ReadPointer(object + layout.extra));
  if (extra.is_null()) return absl::OkStatus();
  const auto& more = crawl.layout().ElementObjectExtra;
  RETURN_IF_ERROR(AddPart(crawl, "attrib", extra, more.attrib, out));
  ASSIGN_OR_RETURN(const Address children, memory.ReadPointer(extra + more.children));
  ASSIGN_OR_RETURN(const int64_t count, memory.ReadValue<int64_t>(extra + more.length));
  return AddItemParts(crawl, children, 0, count, std::max<int64_t>(count, 1), out);
}

}  // namespace pysnap
