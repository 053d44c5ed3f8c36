// numpy.dtype.
#include "snapshotter/objects/decoders/numpy_dtype.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "snapshotter/cpython/behaviours/long_shape.h"
#include "snapshotter/cpython/dict_reader.h"
#include "snapshotter/objects/decoders/decoders.h"
#include "snapshotter/objects/decoders/numpy_layout.h"
#include "snapshotter/objects/registry.h"

namespace pysnap {
namespace numpy {
namespace {

constexpr int64_t kMaxItemSize = int64_t{1} << 31;
constexpr size_t kMaxObjectOffsets = 4096;
constexpr int kMaxNesting = 64;

// The int at `object` if it is one that fits; an offset or a length.
absl::StatusOr<int64_t> ReadSize(Crawl& crawl, Address object) {
  ASSIGN_OR_RETURN(const LongShape shape, ReadLongShape(crawl.runtime(), crawl.memory(), object));
  if (shape.negative || shape.digit_count > 2) return absl::DataLossError("a size that is none");
  int64_t value = 0;
  for (uint64_t i = shape.digit_count; i-- > 0;) {
    const Address digit = object + crawl.layout().PyLongObject.ob_digit + static_cast<int64_t>(i * sizeof(uint32_t));
    ASSIGN_OR_RETURN(const uint32_t bits, crawl.memory().ReadValue<uint32_t>(digit));
    value = value << kLongDigitBits | static_cast<int64_t>(bits);
  }
  return value;
}

absl::StatusOr<std::vector<uint64_t>> ReadItems(Crawl& crawl, Address tuple) {
  constexpr int64_t kMaxItems = 1 << 16;
  ASSIGN_OR_RETURN(const int64_t size, crawl.memory().ReadValue<int64_t>(tuple + crawl.layout().PyVarObject.ob_size));
  if (size < 0 || size > kMaxItems) return absl::DataLossError(absl::StrFormat("a tuple of %d items", size));
  std::vector<uint64_t> items;
  RETURN_IF_ERROR(
      crawl.memory().ReadArray(tuple + crawl.layout().PyTupleObject.ob_item, static_cast<size_t>(size), items));
  return items;
}

absl::StatusOr<int64_t> ReadSized(Memory& memory, Address field, int size) {
  if (size == 1) return memory.ReadValue<uint8_t>(field);
  if (size == 4) return memory.ReadValue<int32_t>(field);
  return memory.ReadValue<int64_t>(field);
}

// That of the numpy the type is from; the type's own size tells whether it has the fields of a legacy dtype.
absl::StatusOr<const DescrLayout*> FindLayout(const TypeInfo& type) {
  const TypeInfo* base = &type;
  while (base->name != "numpy.dtype" && base->base != nullptr) base = base->base;
  for (const DescrLayout& layout : kDescrLayouts) {
    if (base->shape.basic_size == layout.basic_size) return &layout;
  }
  return absl::UnimplementedError(
      absl::StrFormat("a dtype of %d bytes, of a numpy that is not known", base->shape.basic_size));
}

absl::Status ReadLegacyFields(Crawl& crawl, Address dtype, const DescrLayout& layout, DType& out) {
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(out.fields, memory.ReadPointer(dtype + layout.fields));
  ASSIGN_OR_RETURN(out.names, memory.ReadPointer(dtype + layout.names));
  const Address none = crawl.runtime().Symbol("_Py_NoneStruct");
  if (out.fields == none) out.fields = Address();
  if (out.names == none) out.names = Address();
  ASSIGN_OR_RETURN(const Address subarray, memory.ReadPointer(dtype + layout.subarray));
  if (subarray) {
    ASSIGN_OR_RETURN(out.subarray_dtype, memory.ReadPointer(subarray + kSubarrayBase));
    ASSIGN_OR_RETURN(out.subarray_shape, memory.ReadPointer(subarray + kSubarrayShape));
  }
  if (out.type_number != kDatetimeType && out.type_number != kTimedeltaType) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Address metadata, memory.ReadPointer(dtype + layout.c_metadata));
  if (metadata.is_null()) return absl::DataLossError("a time without a unit");
  ASSIGN_OR_RETURN(out.unit, memory.ReadValue<int32_t>(metadata + kDatetimeUnit));
  ASSIGN_OR_RETURN(out.step, memory.ReadValue<int32_t>(metadata + kDatetimeStep));
  out.has_unit = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DType> ReadDType(Crawl& crawl, Address dtype) {
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const Address type_address, memory.ReadPointer(dtype + crawl.layout().PyObject.ob_type));
  const TypeInfo& type = crawl.types().Get(type_address);
  if (!type.problem.ok()) return type.problem;
  if (type.decoder == nullptr || type.decoder->decode != DecodeNumpyDType) {
    return absl::DataLossError(absl::StrFormat("a %s where a dtype should be", type.name));
  }
  ASSIGN_OR_RETURN(const DescrLayout* layout, FindLayout(type));
  DType out;
  ASSIGN_OR_RETURN(out.kind, memory.ReadValue<char>(dtype + DescrLayout::kKind));
  ASSIGN_OR_RETURN(out.byte_order, memory.ReadValue<char>(dtype + DescrLayout::kByteOrder));
  ASSIGN_OR_RETURN(out.type_number, memory.ReadValue<int32_t>(dtype + DescrLayout::kTypeNumber));
  ASSIGN_OR_RETURN(out.scalar_type, memory.ReadPointer(dtype + DescrLayout::kScalarType));
  ASSIGN_OR_RETURN(out.metadata, memory.ReadPointer(dtype + layout->metadata));
  ASSIGN_OR_RETURN(out.item_size, ReadSized(memory, dtype + layout->element_size, layout->element_size_size));
  ASSIGN_OR_RETURN(const int64_t flags, ReadSized(memory, dtype + layout->flags, layout->flags_size));
  out.has_objects = (static_cast<uint64_t>(flags) & kItemHasObjects) != 0;
  if (out.item_size < 0 || out.item_size > kMaxItemSize) {
    return absl::DataLossError(absl::StrFormat("items of %d bytes", out.item_size));
  }
  if (out.type_number < 0 || static_cast<size_t>(out.type_number) >= std::size(kElementTypes)) {
    return absl::UnimplementedError(absl::StrFormat("items of the type %s are not decoded", type.name));
  }
  const ElementType& known = kElementTypes[out.type_number];
  if (out.kind != known.kind || (known.size != 0 && out.item_size != known.size)) {
    return absl::DataLossError(absl::StrFormat("a dtype of kind %#x with items of %d bytes and the number %d", out.kind,
                                               out.item_size, out.type_number));
  }
  if (type.shape.basic_size >= layout->legacy_size) RETURN_IF_ERROR(ReadLegacyFields(crawl, dtype, *layout, out));
  return out;
}

absl::StatusOr<std::vector<Field>> ReadFields(Crawl& crawl, const DType& dtype) {
  std::vector<Field> fields;
  if (dtype.fields.is_null()) return fields;
  ASSIGN_OR_RETURN(const std::vector<uint64_t> names, ReadItems(crawl, dtype.names));
  absl::flat_hash_map<Address, Address> by_name;
  RETURN_IF_ERROR(VisitDict(crawl.runtime(), crawl.memory(), dtype.fields, [&](Address name, Address field) {
    by_name.emplace(name, field);
    return by_name.size() <= 2 * names.size();  // a field may have a title, which is a key too
  }));
  for (const uint64_t name : names) {
    const auto found = by_name.find(Address(name));
    if (found == by_name.end()) return absl::DataLossError("a name without a field");
    ASSIGN_OR_RETURN(const std::vector<uint64_t> parts, ReadItems(crawl, found->second));
    if (parts.size() < 2) return absl::DataLossError("a field without an offset");
    ASSIGN_OR_RETURN(const int64_t offset, ReadSize(crawl, Address(parts[1])));
    fields.push_back({Address(name), Address(parts[0]), offset});
  }
  return fields;
}

absl::StatusOr<std::vector<int64_t>> ObjectOffsets(Crawl& crawl, Address dtype) {
  const absl::Status too_many = absl::UnimplementedError("items with too many objects in each");
  struct Pending {
    Address dtype;
    int64_t offset;
    int depth;
  };
  std::set<int64_t> found;
  std::vector<Pending> pending = {{dtype, 0, 0}};
  while (!pending.empty()) {
    const Pending at = pending.back();
    pending.pop_back();
    ASSIGN_OR_RETURN(const DType item, ReadDType(crawl, at.dtype));
    if (!item.has_objects) continue;
    if (item.type_number == kObjectType) found.insert(at.offset);
    if (item.subarray_dtype) {
      ASSIGN_OR_RETURN(const DType inner, ReadDType(crawl, item.subarray_dtype));
      const int64_t count = inner.item_size == 0 ? 0 : item.item_size / inner.item_size;
      if (count > static_cast<int64_t>(kMaxObjectOffsets)) return too_many;
      for (int64_t i = 0; i < count; ++i) {
        pending.push_back({item.subarray_dtype, at.offset + i * inner.item_size, at.depth + 1});
      }
    } else {
      ASSIGN_OR_RETURN(const std::vector<Field> fields, ReadFields(crawl, item));
      for (const Field& field : fields) pending.push_back({field.dtype, at.offset + field.offset, at.depth + 1});
    }
    if (found.size() + pending.size() > kMaxObjectOffsets || at.depth > kMaxNesting) return too_many;
  }
  return std::vector<int64_t>(found.begin(), found.end());
}

}  // namespace numpy

// Parts: `kind` and `byteorder` as the dtype has them, its number (NPY_TYPES), the size of an item; the type of its
// scalars; `base` and `shape` where an item is an array; unit and step of times. Of a structured one the offsets of its
// fields (int64 each), and as this object's items the name and the dtype of each.
absl::Status DecodeNumpyDType(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const numpy::DType dtype, numpy::ReadDType(crawl, object));
  AddBytesPart(crawl, "kind", absl::string_view(&dtype.kind, 1), out);
  AddBytesPart(crawl, "byteorder", absl::string_view(&dtype.byte_order, 1), out);
  AddIntPart(crawl, "num", dtype.type_number, out);
  AddIntPart(crawl, "itemsize", dtype.item_size, out);
  if (dtype.has_unit) {
    AddIntPart(crawl, "unit", dtype.unit, out);
    AddIntPart(crawl, "step", dtype.step, out);
  }
  const std::pair<const char*, Address> objects[] = {{"type", dtype.scalar_type},
                                                     {"base", dtype.subarray_dtype},
                                                     {"shape", dtype.subarray_shape},
                                                     {"metadata", dtype.metadata}};
  for (const auto& [name, value] : objects) {
    if (value) AddObjectPart(crawl, name, value, out);
  }
  if (dtype.fields.is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<numpy::Field> fields, numpy::ReadFields(crawl, dtype));
  std::vector<int64_t> offsets;
  for (const numpy::Field& field : fields) {
    AddItem(crawl, field.name, out);
    AddItem(crawl, field.dtype, out);
    offsets.push_back(field.offset);
  }
  AddSizesPart(crawl, "offsets", offsets, out);
  return absl::OkStatus();
}

}  // namespace pysnap
