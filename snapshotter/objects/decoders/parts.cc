// Types whose instances are a few named objects, each recorded as a part.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/objects/absent.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
void AddAbsentPart(Crawl& crawl, absl::string_view name, const absl::Status& why, proto::Object& out) {
  AddIdPart(crawl, name, crawl.RefUnknown(why), out);
}

void AddIdPart(Crawl& crawl, absl::string_view name, uint32_t id, proto::Object& out) {
  if (id == 0 || crawl.touch_only()) return;
  proto::Attribute* part = out.mutable_parts()->add_part();
  part->set_name(crawl.String(name));
  part->set_value(id);
}

absl::Status AddItemParts(
    Crawl& crawl, Address array, int64_t first, int64_t count, int64_t capacity, proto::Object& out) {
  constexpr int64_t kMaxItems = int64_t{1} << 32;
  if (count < 0 || count > kMaxItems || first < 0 || count > capacity || (count > 0 && first >= capacity)) {
    return absl::DataLossError(absl::StrFormat("%d items", count));
  }
  const auto wanted = static_cast<uint64_t>(count);
  const uint64_t granted = crawl.GrantItems(wanted, sizeof(uint64_t));
  if (granted < wanted) crawl.MarkCut(out, wanted);
  std::vector<uint64_t> items;
  for (uint64_t done = 0; done < granted;) {
    const uint64_t at = (static_cast<uint64_t>(first) + done) % static_cast<uint64_t>(capacity);
    const uint64_t run = std::min(granted - done, static_cast<uint64_t>(capacity) - at);
    RETURN_IF_ERROR(crawl.memory().ReadArray(array + static_cast<Offset>(at * sizeof(uint64_t)), run, items));
    for (const uint64_t item : items) {
      const uint64_t number = done++;
      AddObjectPart(crawl, absl::StrCat(number), Address(item), out);
    }
  }
  return absl::OkStatus();
}

absl::Status AddTupleParts(Crawl& crawl, Address tuple, proto::Object& out) {
  ASSIGN_OR_RETURN(const int64_t size, crawl.memory().ReadValue<int64_t>(tuple + crawl.layout().PyVarObject.ob_size));
  return AddItemParts(crawl, tuple + crawl.layout().PyTupleObject.ob_item, 0, size, std::max<int64_t>(size, 1), out);
}

absl::Status DecodeParts(Crawl& crawl, Address object, std::initializer_list<PartField> parts, proto::Object& out) {
  out.mutable_parts();
  for (const PartField& part : parts) RETURN_IF_ERROR(AddPart(crawl, part.name, object, part.offset, out));
  return absl::OkStatus();
}

absl::Status AddNumbers(Crawl& crawl, Address object, std::initializer_list<PartField> numbers, proto::Object& out) {
  out.mutable_parts();
  for (const PartField& number : numbers) {
    ASSIGN_OR_RETURN(const int64_t value, crawl.memory().ReadValue<int64_t>(object + number.offset));
    AddIntPart(crawl, number.name, value, out);
  }
  return absl::OkStatus();
}

absl::Status AddPart(Crawl& crawl, const char* name, Address object, Offset field, proto::Object& out) {
  ASSIGN_OR_RETURN(const uint32_t id, crawl.RefField(object, field));
  AddIdPart(crawl, name, id, out);
  return absl::OkStatus();
}

void AddObjectPart(Crawl& crawl, absl::string_view name, Address object, proto::Object& out) {
  AddIdPart(crawl, name, crawl.Ref(object), out);
}

absl::Status AddFlag(Crawl& crawl, const char* name, Address object, Offset field, proto::Object& out) {
  if (field == kNoOffset) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int32_t number, crawl.memory().ReadValue<int32_t>(object + field));
  if (number != 0) AddIntPart(crawl, name, 1, out);
  return absl::OkStatus();
}

void AddIntPart(Crawl& crawl, const char* name, int64_t value, proto::Object& out) {
  if (crawl.touch_only()) return;
  proto::IntPart* part = out.mutable_parts()->add_int_part();
  part->set_name(crawl.String(name));
  part->set_value(value);
}

absl::Status AddMemoryPart(
    Crawl& crawl, const char* name, Address begin, uint64_t count, uint64_t item_size, proto::Object& out) {
  uint64_t granted = crawl.GrantContents(count * item_size).head;
  granted -= granted % item_size;
  if (granted < count * item_size) crawl.MarkCut(out, count);
  if (crawl.touch_only()) {
    crawl.Touch(begin, granted);
    return absl::OkStatus();
  }
  std::string contents;
  if (granted > 0) RETURN_IF_ERROR(crawl.memory().ReadArray(begin, granted, contents));
  if (crawl.IsSecretText(contents)) {
    crawl.RedactText(out);
  } else {
    AddBytesPart(crawl, name, contents, out);
  }
  return absl::OkStatus();
}

void AddItem(Crawl& crawl, Address item, proto::Object& out) {
  const uint32_t id = crawl.Ref(item);
  if (!crawl.touch_only()) out.mutable_parts()->add_item(id);
}

void AddSizesPart(Crawl& crawl, const char* name, absl::Span<const int64_t> sizes, proto::Object& out) {
  const char* bytes = reinterpret_cast<const char*>(sizes.data());
  AddBytesPart(crawl, name, absl::string_view(bytes, sizes.size() * sizeof(int64_t)), out);
}

void AddBytesPart(Crawl& crawl, const char* name, absl::string_view value, proto::Object& out) {
  if (crawl.touch_only()) return;
  proto::BytesPart* part = out.mutable_parts()->add_bytes_part();
  part->set_name(crawl.String(name));
  part->set_value(value.data(), value.size());
}

absl::Status DecodeProperty(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().propertyobject;
  return DecodeParts(crawl, object,
                     {{"fget", layout.prop_get},
                      {"fset", layout.prop_set},
                      {"fdel", layout.prop_del},
                      {"__doc__", layout.prop_doc},
                      {"__name__", layout.prop_name}},
                     out);
}

absl::Status DecodeStaticMethod(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"__func__", crawl.layout().staticmethod.sm_callable}}, out);
}

absl::Status DecodeClassMethod(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"__func__", crawl.layout().classmethod.cm_callable}}, out);
}

absl::Status DecodePartial(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().partialobject;
  return DecodeParts(crawl, object, {{"func", layout.fn}, {"args", layout.args}, {"keywords", layout.kw}}, out);
}

// What a named tuple's class has for each of its fields (Modules/_collectionsmodule.c).
absl::Status DecodeTupleGetter(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout()._tuplegetterobject;
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"index", layout.index}}, out));
  return AddPart(crawl, "doc", object, layout.doc, out);
}

absl::Status DecodeMappingProxy(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"mapping", crawl.layout().mappingproxyobject.mapping}}, out);
}

absl::Status DecodeSuper(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().superobject;
  return DecodeParts(crawl, object,
                     {{"__thisclass__", layout.type}, {"__self__", layout.obj}, {"__self_class__", layout.obj_type}},
                     out);
}

absl::Status DecodeGenericAlias(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().gaobject;
  return DecodeParts(crawl, object, {{"__origin__", layout.origin}, {"__args__", layout.args}}, out);
}

absl::Status DecodeUnion(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"__args__", crawl.layout().unionobject.args}}, out);
}

// functools.lru_cache (Modules/_functoolsmodule.c); `cache` holds what was calculated by its arguments.
absl::Status DecodeLruCache(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().lru_cache_object;
  ASSIGN_OR_RETURN(const int32_t typed, crawl.memory().ReadValue<int32_t>(object + layout.typed));
  AddIntPart(crawl, "typed", typed != 0 ? 1 : 0, out);
  RETURN_IF_ERROR(
      AddNumbers(crawl, object, {{"maxsize", layout.maxsize}, {"hits", layout.hits}, {"misses", layout.misses}}, out));
  return DecodeParts(crawl, object, {{"__wrapped__", layout.func}, {"cache", layout.cache}}, out);
}

// What the cache of such a function holds of one call, when it is limited.
absl::Status DecodeLruElement(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().lru_list_elem;
  return DecodeParts(crawl, object, {{"key", layout.key}, {"result", layout.result}}, out);
}

// A dead reference points to None.
absl::Status DecodeWeakReference(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyWeakReference;
  return DecodeParts(crawl, object, {{"object", layout.wr_object}, {"callback", layout.wr_callback}}, out);
}

absl::Status DecodeDictView(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"mapping", crawl.layout()._PyDictViewObject.dv_dict}}, out);
}

// Modules/_zoneinfo.c. What it was read from, as a text, where it has no key.
absl::Status DecodeZoneInfo(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyZoneInfo_ZoneInfo;
  return DecodeParts(crawl, object, {{"key", layout.key}, {"file", layout.file_repr}}, out);
}

}  // namespace pysnap
