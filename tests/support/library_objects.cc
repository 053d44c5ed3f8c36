#include "tests/support/library_objects.h"

namespace pysnap::testing {
namespace {

Address New(TargetHeap& heap, const char* type, Offset size) {
  return heap.Object(heap.StaticType(type), static_cast<uint64_t>(size));
}

}  // namespace

Address TimeDelta(TargetHeap& heap, int32_t days, int32_t seconds, int32_t microseconds) {
  const auto& layout = heap.layout().PyDateTime_Delta;
  const Address object = New(heap, "datetime.timedelta", layout.size_);
  heap.Poke(object + layout.days, days);
  heap.Poke(object + layout.seconds, seconds);
  heap.Poke(object + layout.microseconds, microseconds);
  return object;
}

Address DateTime(TargetHeap& heap, const std::vector<uint8_t>& data, Address zone) {
  const auto& layout = heap.layout().PyDateTime_DateTime;
  const Address object = New(heap, "datetime.datetime", layout.size_);
  heap.memory().Write(object + layout.data, data.data(), data.size());
  heap.Poke<uint8_t>(object + layout.hastzinfo, zone.is_null() ? 0 : 1);
  if (!zone.is_null()) heap.PokePointer(object + layout.tzinfo, zone);
  return object;
}

Address Decimal(TargetHeap& heap, uint8_t flags, int64_t exponent, int64_t digits, const std::vector<uint64_t>& words) {
  const auto& layout = heap.layout().PyDecObject;
  const Address object = New(heap, "decimal.Decimal", layout.size_);
  const Address data = heap.Allocate(words.size() * sizeof(uint64_t));
  heap.memory().Write(data, words.data(), words.size() * sizeof(uint64_t));
  heap.Poke(object + layout.dec_flags, flags);
  heap.Poke(object + layout.dec_exp, exponent);
  heap.Poke(object + layout.dec_digits, digits);
  heap.Poke(object + layout.dec_len, static_cast<int64_t>(words.size()));
  heap.PokePointer(object + layout.dec_data, data);
  return object;
}

Address Array(TargetHeap& heap, char code, int32_t item_size, const std::string& items) {
  const auto& layout = heap.layout().arrayobject;
  const Address object = New(heap, "array.array", layout.size_);
  const Address description = heap.Allocate(16);
  heap.Poke(description, code);
  heap.Poke(description + 4, item_size);
  const Address data = heap.CString(items);
  heap.Poke(object + heap.layout().PyVarObject.ob_size, static_cast<int64_t>(items.size()) / item_size);
  heap.PokePointer(object + layout.ob_item, data);
  heap.PokePointer(object + layout.ob_descr, description);
  return object;
}

Address ListIterator(TargetHeap& heap, Address list, int64_t index) {
  const auto& layout = heap.layout()._PyListIterObject;
  const Address object = New(heap, "list_iterator", layout.size_);
  heap.PokePointer(object + layout.it_seq, list);
  heap.Poke(object + layout.it_index, index);
  return object;
}

}  // namespace pysnap::testing
