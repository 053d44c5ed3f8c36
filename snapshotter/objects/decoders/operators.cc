// operator.itemgetter and its like (Modules/_operator.c), and struct.Struct (Modules/_struct.c): what was made of some
// arguments, and does the same each time it is called.
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {

// `item` is a tuple where there is more than one.
absl::Status DecodeItemGetter(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().itemgetterobject;
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"count", layout.nitems}}, out));
  return AddPart(crawl, "item", object, layout.item, out);
}

// Each item is a str, or a tuple of those between the dots.
absl::Status DecodeAttrGetter(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const Address names, crawl.memory().ReadPointer(object + crawl.layout().attrgetterobject.attr));
  out.mutable_parts();
  return AddTupleParts(crawl, names, out);
}

// In 3.13 the first of the arguments is the name.
absl::Status DecodeMethodCaller(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().methodcallerobject;
  const bool with_name = layout.args == kNoOffset;
  AddIntPart(crawl, "with_name", with_name ? 1 : 0, out);
  return DecodeParts(crawl, object,
                     {{"name", layout.name}, {"args", with_name ? layout.xargs : layout.args}, {"kwargs", layout.kwds}},
                     out);
}

absl::Status DecodeStruct(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"format", crawl.layout().PyStructObject.s_format}}, out);
}

}  // namespace pysnap
