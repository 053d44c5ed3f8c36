// numpy.ndarray and numpy's scalars.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"
#include "snapshotter/objects/decoders/numpy_dtype.h"
#include "snapshotter/objects/decoders/numpy_layout.h"
#include "snapshotter/objects/registry.h"

namespace pysnap {
namespace {

using numpy::ArrayLayout;
using numpy::DType;

// An array, and the bytes that its items lie in, with whatever is between them: `size` from `low` on.
struct ArrayHead {
  Address dtype;
  DType item;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  int64_t count = 1;
  int32_t flags = 0;
  Address data;
  Address base;
  Address low;
  int64_t size = 0;
};

absl::Status FindExtent(ArrayHead& head) {
  constexpr int64_t kMaxSize = int64_t{1} << 46;
  __int128 low = 0;
  __int128 high = head.item.item_size;
  for (size_t i = 0; i < head.shape.size(); ++i) {
    if (head.shape[i] < 0 || __builtin_mul_overflow(head.count, head.shape[i], &head.count)) {
      return absl::DataLossError(absl::StrFormat("an array with %d items in a dimension", head.shape[i]));
    }
    const __int128 span = static_cast<__int128>(head.shape[i] - 1) * head.strides[i];
    (span < 0 ? low : high) += span;
  }
  if (head.count == 0 || head.item.item_size == 0) return absl::OkStatus();
  if (high - low > kMaxSize || low < -kMaxSize) return absl::DataLossError("an array larger than memory");
  head.low = head.data + static_cast<int64_t>(low);
  head.size = static_cast<int64_t>(high - low);
  return absl::OkStatus();
}

absl::StatusOr<ArrayHead> ReadArrayHead(Crawl& crawl, Address object) {
  Memory& memory = crawl.memory();
  ArrayHead head;
  ASSIGN_OR_RETURN(head.data, memory.ReadPointer(object + ArrayLayout::kData));
  ASSIGN_OR_RETURN(const int32_t dimensions, memory.ReadValue<int32_t>(object + ArrayLayout::kDimensionCount));
  if (dimensions < 0 || dimensions > numpy::kMaxDimensions) {
    return absl::DataLossError(absl::StrFormat("an array of %d dimensions", dimensions));
  }
  ASSIGN_OR_RETURN(const Address shape, memory.ReadPointer(object + ArrayLayout::kDimensions));
  ASSIGN_OR_RETURN(const Address strides, memory.ReadPointer(object + ArrayLayout::kStrides));
  if (dimensions > 0) {
    RETURN_IF_ERROR(memory.ReadArray(shape, static_cast<size_t>(dimensions), head.shape));
    RETURN_IF_ERROR(memory.ReadArray(strides, static_cast<size_t>(dimensions), head.strides));
  }
  ASSIGN_OR_RETURN(head.base, memory.ReadPointer(object + ArrayLayout::kBase));
  ASSIGN_OR_RETURN(head.dtype, memory.ReadPointer(object + ArrayLayout::kDescr));
  ASSIGN_OR_RETURN(head.flags, memory.ReadValue<int32_t>(object + ArrayLayout::kFlags));
  ASSIGN_OR_RETURN(head.item, numpy::ReadDType(crawl, head.dtype));
  RETURN_IF_ERROR(FindExtent(head));
  return head;
}

// Whether the items are recorded with the array that this one is a view of; `offset` is then where they begin, in bytes
// from where the items of that one do.
bool LiesInBase(Crawl& crawl, const ArrayHead& head, int64_t* offset) {
  if (head.base.is_null()) return false;
  const absl::StatusOr<Address> type = crawl.memory().ReadPointer(head.base + crawl.layout().PyObject.ob_type);
  if (!type.ok()) return false;
  const TypeInfo& info = crawl.types().Get(*type);
  if (!info.problem.ok() || info.decoder == nullptr || info.decoder->decode != DecodeNumpyArray) return false;
  const absl::StatusOr<ArrayHead> base = ReadArrayHead(crawl, head.base);
  if (!base.ok() || head.low < base->low || head.low + head.size > base->low + base->size) return false;
  *offset = head.data - base->data;
  return true;
}

// The objects that `count` items of `item_size` bytes from `begin` on hold, item by item.
absl::Status AddObjects(Crawl& crawl,
                        Address begin,
                        int64_t count,
                        int64_t item_size,
                        const std::vector<int64_t>& offsets,
                        proto::Object& out) {
  constexpr int64_t kChunkBytes = 16384;
  const int64_t pointer = sizeof(uint64_t);
  for (const int64_t offset : offsets) {
    if (offset > item_size - pointer) return absl::DataLossError("an object behind the end of an item");
  }
  const auto each = static_cast<uint64_t>(pointer * static_cast<int64_t>(std::max<size_t>(offsets.size(), 1)));
  const auto granted = static_cast<int64_t>(crawl.GrantItems(static_cast<uint64_t>(count), each));
  const int64_t chunk = std::max<int64_t>(kChunkBytes / item_size, 1);
  std::string bytes;
  for (int64_t done = 0; done < granted;) {
    const int64_t items = std::min(chunk, granted - done);
    RETURN_IF_ERROR(crawl.memory().ReadArray(begin + done * item_size, static_cast<size_t>(items * item_size), bytes));
    for (int64_t i = 0; i < items; ++i) {
      for (const int64_t offset : offsets) {
        if (!crawl.CanDescend()) {
          crawl.MarkCut(out, static_cast<uint64_t>(count));
          return absl::OkStatus();
        }
        uint64_t address = 0;
        std::copy_n(bytes.data() + i * item_size + offset, pointer, reinterpret_cast<char*>(&address));
        AddItem(crawl, Address(address), out);
      }
    }
    done += items;
  }
  if (granted < count) crawl.MarkCut(out, static_cast<uint64_t>(count));
  return absl::OkStatus();
}

// The items at `low` as they are in memory, and the objects that they hold.
absl::Status AddItems(Crawl& crawl, const ArrayHead& head, proto::Object& out) {
  const auto size = static_cast<uint64_t>(head.size);
  if (head.item.has_objects && size != 0) {
    if (head.size != head.count * head.item.item_size) {
      return absl::UnimplementedError("objects that do not lie one behind the other");
    }
    ASSIGN_OR_RETURN(const std::vector<int64_t> offsets, numpy::ObjectOffsets(crawl, head.dtype));
    RETURN_IF_ERROR(AddObjects(crawl, head.low, head.count, head.item.item_size, offsets, out));
    // The items are nothing but pointers.
    if (head.item.type_number == numpy::kObjectType) return absl::OkStatus();
  }
  return AddMemoryPart(crawl, "data", head.low, size, 1, out);
}

// A scalar's own type among numpy's, whatever class is derived from it, by its name without the module.
struct ScalarType {
  absl::string_view name;
  char kind;
  int size;
};
constexpr ScalarType kScalarTypes[] = {
    {"bool_", 'b', 1},        {"bool", 'b', 1},        {"int8", 'i', 1},        {"uint8", 'u', 1},
    {"int16", 'i', 2},        {"uint16", 'u', 2},      {"int32", 'i', 4},       {"uint32", 'u', 4},
    {"int64", 'i', 8},        {"uint64", 'u', 8},      {"longlong", 'i', 8},    {"ulonglong", 'u', 8},
    {"intc", 'i', 4},         {"uintc", 'u', 4},       {"float16", 'f', 2},     {"float32", 'f', 4},
    {"float128", 'f', 16},    {"longdouble", 'f', 16}, {"complex64", 'c', 8},   {"complex256", 'c', 32},
    {"clongdouble", 'c', 32}, {"datetime64", 'M', 8},  {"timedelta64", 'm', 8},
};

}  // namespace

// Parts: `dtype`; `shape` and `strides` (int64 each); `flags`; `base`, the object that holds the memory, if it is not
// the array. Of a view of another array `offset`: where its first item is, in bytes from the first one of `base`.
// Otherwise `data`, the memory from its lowest item to its highest, and `offset` of the first one in it; the objects
// that the items hold are this object's items, in the order of memory.
absl::Status DecodeNumpyArray(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  out.mutable_parts();
  ASSIGN_OR_RETURN(const ArrayHead head, ReadArrayHead(crawl, object));
  AddObjectPart(crawl, "dtype", head.dtype, out);
  AddSizesPart(crawl, "shape", head.shape, out);
  AddSizesPart(crawl, "strides", head.strides, out);
  AddIntPart(crawl, "flags", head.flags, out);
  if (head.base) AddObjectPart(crawl, "base", head.base, out);
  if (!crawl.touch_only() && !head.shape.empty()) out.set_length(static_cast<uint64_t>(head.shape[0]));
  int64_t offset = 0;
  if (LiesInBase(crawl, head, &offset)) {
    AddIntPart(crawl, "offset", offset, out);
    return absl::OkStatus();
  }
  AddIntPart(crawl, "offset", head.size == 0 ? 0 : head.data - head.low, out);
  return AddItems(crawl, head, out);
}

// Parts: `kind`, and the `value` as it is in memory; unit and step of a time. Of a structured value the dtype and, as
// of an array, what it holds.
absl::Status DecodeNumpyScalar(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out) {
  Memory& memory = crawl.memory();
  const TypeInfo* own = &type;
  while (own->heap && own->base != nullptr) own = own->base;
  absl::string_view name = own->name;
  name.remove_prefix(std::min(name.size(), name.rfind('.') + 1));
  if (name == "object_") {
    return AddPart(crawl, "object", object, numpy::kScalarValue, out);
  }
  if (name == "void") {
    ArrayHead head;
    ASSIGN_OR_RETURN(head.low, memory.ReadPointer(object + numpy::kVoidValue));
    ASSIGN_OR_RETURN(head.dtype, memory.ReadPointer(object + numpy::kVoidDescr));
    ASSIGN_OR_RETURN(head.item, numpy::ReadDType(crawl, head.dtype));
    head.size = head.item.item_size;
    AddBytesPart(crawl, "kind", "V", out);
    AddObjectPart(crawl, "dtype", head.dtype, out);
    return AddItems(crawl, head, out);
  }
  const auto known = std::find_if(std::begin(kScalarTypes), std::end(kScalarTypes),
                                  [&](const ScalarType& each) { return each.name == name; });
  if (known == std::end(kScalarTypes) || own->shape.basic_size < numpy::kScalarValue + known->size) {
    return absl::UnimplementedError(absl::StrFormat("values of the type %s are not decoded", own->name));
  }
  std::string value;
  RETURN_IF_ERROR(memory.ReadArray(object + numpy::kScalarValue, static_cast<size_t>(known->size), value));
  AddBytesPart(crawl, "kind", absl::string_view(&known->kind, 1), out);
  AddBytesPart(crawl, "value", value, out);
  if (known->kind == 'M' || known->kind == 'm') {
    ASSIGN_OR_RETURN(const int32_t unit, memory.ReadValue<int32_t>(object + numpy::kScalarUnit));
    ASSIGN_OR_RETURN(const int32_t step, memory.ReadValue<int32_t>(object + numpy::kScalarStep));
    AddIntPart(crawl, "unit", unit, out);
    AddIntPart(crawl, "step", step, out);
  }
  return absl::OkStatus();
}

}  // namespace pysnap
