// Classes, of Python and of C.
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/cpython/type_flags.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxBases = 4096;

absl::StatusOr<std::vector<uint32_t>> RefTypes(Crawl& crawl, Address tuple) {
  std::vector<uint32_t> ids;
  if (tuple.is_null()) return ids;
  ASSIGN_OR_RETURN(const uint64_t size, crawl.memory().ReadValue<uint64_t>(tuple + crawl.layout().PyVarObject.ob_size));
  if (size > kMaxBases) return absl::DataLossError(absl::StrFormat("a class with %d bases", size));
  std::vector<uint64_t> items;
  RETURN_IF_ERROR(crawl.memory().ReadArray(tuple + crawl.layout().PyTupleObject.ob_item, size, items));
  for (const uint64_t item : items) ids.push_back(crawl.RefEssential(Address(item)));
  return ids;
}

// What a class's namespace says of it.
struct Special {
  std::string module;  // __module__, when it is a str
  bool has_next = false;
};

Special SpecialNames(Crawl& crawl, Address dict) {
  Special special;
  if (dict.is_null()) return special;
  (void)VisitDict(crawl.runtime(), crawl.memory(), dict, [&](Address key, Address value) {
    if (!crawl.IsText(key)) return true;
    const Name& name = crawl.NameAt(key);
    if (!name.problem.ok()) return true;
    if (name.text == "__module__" && crawl.IsText(value)) special.module = crawl.NameAt(value).text;
    special.has_next |= name.text == "__next__";
    return true;
  });
  return special;
}

absl::Status DecodeHeapType(Crawl& crawl, Address type, const TypeInfo& info, proto::Type& out) {
  const auto& layout = crawl.layout().PyHeapTypeObject;
  ASSIGN_OR_RETURN(const Address name, crawl.memory().ReadPointer(type + layout.ht_name));
  ASSIGN_OR_RETURN(const Address qualname, crawl.memory().ReadPointer(type + layout.ht_qualname));
  ASSIGN_OR_RETURN(const Address dict, crawl.memory().ReadPointer(type + crawl.layout().PyTypeObject.tp_dict));
  out.set_heap(true);
  const Name& name_text = crawl.NameAt(name);
  RETURN_IF_ERROR(name_text.problem);
  const Name& qualname_text = crawl.NameAt(qualname);
  RETURN_IF_ERROR(qualname_text.problem);
  out.set_name(crawl.StringId(name_text));
  out.set_qualname(crawl.StringId(qualname_text));
  const Special special = SpecialNames(crawl, dict);
  if (!special.module.empty()) out.set_module(crawl.String(special.module));
  out.set_iterator(special.has_next);
  for (const TypeMember& member : info.members) {
    out.add_slot(crawl.String(member.name));
  }
  if (crawl.CanDescend()) out.set_dict(crawl.RefClassNamespace(dict));
  return absl::OkStatus();
}

void DecodeStaticType(Crawl& crawl, const TypeInfo& info, proto::Type& out) {
  // "collections.deque" says it all (Objects/typeobject.c: type_module, type_name).
  const size_t dot = info.name.rfind('.');
  const std::string name = dot == std::string::npos ? info.name : info.name.substr(dot + 1);
  out.set_name(crawl.String(name));
  out.set_qualname(out.name());
  out.set_module(crawl.String(dot == std::string::npos ? "builtins" : info.name.substr(0, dot)));
}

}  // namespace

absl::Status DecodeType(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const TypeInfo& info = crawl.types().Get(object);
  RETURN_IF_ERROR(info.problem);
  const auto& layout = crawl.layout().PyTypeObject;
  proto::Type& type = *out.mutable_type_value();
  type.set_flags(info.shape.flags);
  type.set_basic_size(info.shape.basic_size);
  type.set_item_size(info.shape.item_size);
  type.set_dict_offset(info.shape.dict_offset);
  ASSIGN_OR_RETURN(const Address bases, crawl.memory().ReadPointer(object + layout.tp_bases));
  ASSIGN_OR_RETURN(const Address mro, crawl.memory().ReadPointer(object + layout.tp_mro));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> base_ids, RefTypes(crawl, bases));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> mro_ids, RefTypes(crawl, mro));
  type.mutable_base()->Add(base_ids.begin(), base_ids.end());
  type.mutable_mro()->Add(mro_ids.begin(), mro_ids.end());
  // __slots__ are not to be had in a class derived from tuple (Objects/typeobject.c): members are those of a struct
  // sequence (Objects/structseq.c).
  if ((info.shape.flags & kTypeTupleSubclass) != 0) {
    for (const TypeMember& member : info.members) type.add_field(crawl.String(member.name));
  }
  if (info.heap) return DecodeHeapType(crawl, object, info, type);
  DecodeStaticType(crawl, info, type);
  ASSIGN_OR_RETURN(const Address next, crawl.memory().ReadPointer(object + layout.tp_iternext));
  type.set_iterator(!next.is_null());
  return absl::OkStatus();
}

}  // namespace pysnap
