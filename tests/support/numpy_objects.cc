#include "tests/support/numpy_objects.h"

#include "snapshotter/objects/decoders/numpy_layout.h"

namespace pysnap::testing {
namespace {

using numpy::ArrayLayout;
using numpy::DescrLayout;

Address Type(TargetHeap& heap, const char* name, int64_t basic_size) {
  const Address type = heap.StaticType(name);
  heap.Poke(type + heap.layout().PyTypeObject.tp_basicsize, basic_size);
  return type;
}

void PokeSized(TargetHeap& heap, Address field, int size, int64_t value) {
  if (size == 1) return heap.Poke(field, static_cast<uint8_t>(value));
  if (size == 4) return heap.Poke(field, static_cast<int32_t>(value));
  heap.Poke(field, value);
}

}  // namespace

Address NumpyDType(TargetHeap& heap, NumpyVersion version, const DTypeSpec& spec) {
  const DescrLayout& layout = numpy::kDescrLayouts[version == NumpyVersion::k1 ? 0 : 1];
  const Address base = Type(heap, "numpy.dtype", layout.basic_size);
  const Address type = heap.NewStaticType("numpy.dtypes.SomeDType", base, layout.legacy_size);
  const Address dtype = heap.Object(type, static_cast<uint64_t>(layout.legacy_size));
  heap.Poke(dtype + DescrLayout::kKind, spec.kind);
  heap.Poke(dtype + DescrLayout::kByteOrder, '=');
  heap.Poke(dtype + DescrLayout::kTypeNumber, spec.number);
  PokeSized(heap, dtype + layout.flags, layout.flags_size, static_cast<int64_t>(spec.flags));
  PokeSized(heap, dtype + layout.element_size, layout.element_size_size, spec.item_size);
  if (spec.fields.empty()) return dtype;
  Items names;
  Entries fields;
  for (const DTypeSpec::Field& field : spec.fields) {
    names.push_back(heap.Interned(field.name));
    fields.push_back({names.back(), heap.Tuple({field.dtype, heap.Int(field.offset)})});
  }
  heap.PokePointer(dtype + layout.names, heap.Tuple(names));
  heap.PokePointer(dtype + layout.fields, heap.Dict(fields));
  return dtype;
}

Address NumpyArray(TargetHeap& heap,
                   Address dtype,
                   Address data,
                   const std::vector<int64_t>& shape,
                   const std::vector<int64_t>& strides,
                   Address base) {
  constexpr int64_t kSize = 96;
  const Address array = heap.Object(Type(heap, "numpy.ndarray", kSize), kSize);
  const auto write = [&](const std::vector<int64_t>& sizes) {
    const Address at = heap.Allocate(sizes.size() * sizeof(int64_t) + 1);
    heap.memory().Write(at, sizes.data(), sizes.size() * sizeof(int64_t));
    return at;
  };
  heap.PokePointer(array + ArrayLayout::kData, data);
  heap.Poke(array + ArrayLayout::kDimensionCount, static_cast<int32_t>(shape.size()));
  heap.PokePointer(array + ArrayLayout::kDimensions, write(shape));
  heap.PokePointer(array + ArrayLayout::kStrides, write(strides));
  heap.PokePointer(array + ArrayLayout::kBase, base);
  heap.PokePointer(array + ArrayLayout::kDescr, dtype);
  return array;
}

}  // namespace pysnap::testing
