#include "snapshotter/format/numpy_repr.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/array_item.h"
#include "snapshotter/format/number_text.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/repr.h"

namespace pysnap::format {
namespace {

using proto::Object;

// Dtypes in dtypes, and views of views.
constexpr int kMaxNesting = 32;
constexpr size_t kMaxDimensions = 64;

// What a dtype object says; false when it is none.
struct DType {
  const Object* object = nullptr;
  char kind = 0;
  bool swapped = false;
  int64_t size = 0;
  std::string unit;              // of times: "[ns]"
  std::vector<int64_t> offsets;  // of a structured one
  std::vector<int64_t> shape;    // where an item is an array
  uint32_t base = 0;
};

// NPY_DATETIMEUNIT; 3 is not in use.
constexpr const char* kUnits[] = {"Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"};

std::string UnitText(const PartsOf& parts) {
  const int64_t unit = parts.Int("unit").value_or(-1);
  const int64_t step = parts.Int("step").value_or(1);
  if (unit < 0 || unit >= static_cast<int64_t>(std::size(kUnits))) return "";
  return absl::StrCat("[", step == 1 ? "" : absl::StrCat(step), kUnits[unit], "]");
}

bool ReadDType(const LoadedSnapshot& snapshot, const Object* object, DType* out) {
  out->object = object;
  if (out->object == nullptr || !out->object->has_parts() || out->object->has_absent()) return false;
  const PartsOf parts(snapshot, *out->object);
  const auto kind = parts.Bytes("kind");
  const auto order = parts.Bytes("byteorder");
  const auto size = parts.Int("itemsize");
  if (!kind.has_value() || kind->size() != 1 || !order.has_value() || !size.has_value() || *size < 0) return false;
  out->kind = (*kind)[0];
  out->swapped = *order == ">";
  out->size = *size;
  out->unit = UnitText(parts);
  out->offsets = parts.Sizes("offsets").value_or(std::vector<int64_t>());
  out->base = parts.Id("base");
  const Object* shape = snapshot.object(parts.Id("shape"));
  if (shape == nullptr) return true;
  for (const uint32_t item : shape->sequence().item()) {
    const Object* number = snapshot.object(item);
    if (number == nullptr || number->value_case() != Object::kIntValue || number->int_value() < 0) return false;
    out->shape.push_back(number->int_value());
  }
  return out->shape.size() <= kMaxDimensions;
}

bool ReadDType(const LoadedSnapshot& snapshot, uint32_t id, DType* out) {
  return ReadDType(snapshot, snapshot.object(id), out);
}

std::string KindName(char kind, int64_t size) {
  switch (kind) {
    case 'b':
      return "bool";
    case 'i':
      return absl::StrCat("int", size * 8);
    case 'u':
      return absl::StrCat("uint", size * 8);
    case 'f':
      return absl::StrCat("float", size * 8);
    case 'c':
      return absl::StrCat("complex", size * 8);
    case 'O':
      return "object";
    case 'S':
      return absl::StrCat("S", size);
    case 'U':
      return absl::StrCat("U", size / 4);
    case 'M':
      return "datetime64";
    case 'm':
      return "timedelta64";
    default:
      return absl::StrCat("V", size);
  }
}

std::string DTypeText(const LoadedSnapshot& snapshot, const Object* object, int depth = 0) {
  DType dtype;
  if (depth > kMaxNesting || !ReadDType(snapshot, object, &dtype)) return "?";
  if (dtype.base != 0) {
    return absl::StrCat("(", DTypeText(snapshot, snapshot.object(dtype.base), depth + 1), ", (",
                        absl::StrJoin(dtype.shape, ", "), "))");
  }
  const auto& items = dtype.object->parts().item();
  if (dtype.offsets.empty()) {
    const bool shows_order = dtype.swapped && dtype.size > 1;
    return absl::StrCat(shows_order ? ">" : "", KindName(dtype.kind, dtype.size), dtype.unit);
  }
  std::string text = "[";
  for (int i = 0; i + 1 < items.size(); i += 2) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", std::string(StrOf(snapshot, items[i]).value_or("?")), ": ",
                    DTypeText(snapshot, snapshot.object(items[i + 1]), depth + 1));
    if (text.size() > kMaxReprBytes) return "?";
  }
  return text + "]";
}

// Where items lie: bytes, and the objects that pointers in them are to.
struct ItemMemory {
  std::string_view data;
  const Object* owner = nullptr;  // whose items the objects are
  int64_t step = 0;               // bytes of an item of the owner
  std::vector<int64_t> offsets;   // of the objects in one, ascending
};

bool FindObjectOffsets(
    const LoadedSnapshot& snapshot, uint32_t id, int64_t at, int depth, std::vector<int64_t>* found) {
  constexpr size_t kMaxOffsets = 4096;
  DType dtype;
  if (depth > kMaxNesting || found->size() > kMaxOffsets || !ReadDType(snapshot, id, &dtype)) return false;
  if (dtype.base != 0) {
    DType base;
    if (!ReadDType(snapshot, dtype.base, &base)) return false;
    const int64_t count = base.size == 0 ? 0 : dtype.size / base.size;
    if (count > static_cast<int64_t>(kMaxOffsets)) return false;
    for (int64_t i = 0; i < count; ++i) {
      if (!FindObjectOffsets(snapshot, dtype.base, at + i * base.size, depth + 1, found)) return false;
    }
    return true;
  }
  const auto& items = dtype.object->parts().item();
  for (size_t i = 0; i < dtype.offsets.size() && static_cast<int>(2 * i + 1) < items.size(); ++i) {
    const uint32_t field = items[static_cast<int>(2 * i + 1)];
    if (!FindObjectOffsets(snapshot, field, at + dtype.offsets[i], depth + 1, found)) return false;
  }
  if (dtype.kind == 'O') found->push_back(at);
  return true;
}

// Writes items as pieces, of which there are no more than fit the limit.
class ItemWriter {
 public:
  ItemWriter(const LoadedSnapshot& snapshot, ItemMemory memory, size_t max_characters)
      : snapshot_(snapshot), memory_(std::move(memory)), left_(max_characters == 0 ? kMaxReprBytes : max_characters) {}

  // False when something is not as it should be.
  bool Item(uint32_t dtype_id, int64_t at, int depth = 0) {
    const auto [known, inserted] = dtypes_.try_emplace(dtype_id);
    DType& dtype = known->second;
    if (inserted && !ReadDType(snapshot_, dtype_id, &dtype)) dtype.object = nullptr;
    if (depth > kMaxNesting || dtype.object == nullptr) return false;
    if (dtype.base != 0) {
      DType base;
      if (!ReadDType(snapshot_, dtype.base, &base)) return false;
      std::vector<int64_t> strides(dtype.shape.size());
      int64_t step = base.size;
      for (size_t i = strides.size(); i-- > 0;) {
        strides[i] = step;
        if (__builtin_mul_overflow(step, dtype.shape[i], &step)) return false;
      }
      return Items(dtype.base, at, dtype.shape, strides, 0, depth + 1);
    }
    if (!dtype.offsets.empty()) {
      const auto& fields = dtype.object->parts().item();
      Write("(");
      for (size_t i = 0; i < dtype.offsets.size() && left_ > 0; ++i) {
        const int index = static_cast<int>(2 * i + 1);
        if (i > 0) Write(", ");
        if (index >= fields.size() || !Item(fields[index], at + dtype.offsets[i], depth + 1)) return false;
      }
      Write(dtype.offsets.size() == 1 ? ",)" : ")");
      return true;
    }
    if (dtype.kind == 'O') return ObjectAt(at);
    if (at < 0 || dtype.size > static_cast<int64_t>(memory_.data.size()) - at) return false;
    const std::string_view bytes = memory_.data.substr(static_cast<size_t>(at), static_cast<size_t>(dtype.size));
    const auto text = ArrayItemText(snapshot_, bytes, dtype.kind, dtype.swapped, dtype.unit);
    if (text.has_value()) Write(*text);
    return text.has_value();
  }

  bool Items(uint32_t dtype,
             int64_t at,
             const std::vector<int64_t>& shape,
             const std::vector<int64_t>& strides,
             size_t dimension,
             int depth) {
    if (dimension == shape.size()) return Item(dtype, at, depth);
    Write("[");
    for (int64_t i = 0; i < shape[dimension] && left_ > 0; ++i) {
      if (i > 0) Write(", ");
      // Wrapping: where it leads is checked when the item is read.
      const auto step = static_cast<uint64_t>(i) * static_cast<uint64_t>(strides[dimension]);
      const auto next = static_cast<int64_t>(static_cast<uint64_t>(at) + step);
      if (!Items(dtype, next, shape, strides, dimension + 1, depth)) return false;
    }
    Write("]");
    return true;
  }

  void Write(std::string_view text) {
    if (pieces_.empty() || pieces_.back().id != 0) pieces_.emplace_back();
    pieces_.back().text += text;
    left_ -= std::min(left_, text.size());
  }

  std::vector<ReprPiece> Take() { return std::move(pieces_); }

 private:
  bool ObjectAt(int64_t at) {
    if (memory_.owner == nullptr || memory_.step <= 0 || at < 0) return false;
    const auto offset = std::lower_bound(memory_.offsets.begin(), memory_.offsets.end(), at % memory_.step);
    if (offset == memory_.offsets.end() || *offset != at % memory_.step) return false;
    const auto per_item = static_cast<int64_t>(memory_.offsets.size());
    const int64_t index = at / memory_.step * per_item + (offset - memory_.offsets.begin());
    const auto& items = memory_.owner->parts().item();
    if (index >= items.size()) return false;
    // A null pointer is None for whoever asks for the item.
    const uint32_t id = items[static_cast<int>(index)];
    if (id == 0) {
      Write("None");
    } else {
      pieces_.push_back({"", id});
      --left_;
    }
    return true;
  }

  const LoadedSnapshot& snapshot_;
  const ItemMemory memory_;
  size_t left_;
  std::vector<ReprPiece> pieces_;
  absl::node_hash_map<uint32_t, DType> dtypes_;  // object null: it is none
};

bool FillMemory(const LoadedSnapshot& snapshot, const Object& owner, const PartsOf& parts, ItemMemory* memory) {
  DType dtype;
  if (!ReadDType(snapshot, parts.Id("dtype"), &dtype)) return false;
  memory->data = parts.Bytes("data").value_or("");
  memory->owner = &owner;
  memory->step = dtype.size;
  return FindObjectOffsets(snapshot, parts.Id("dtype"), 0, 0, &memory->offsets);
}

// Of the array that holds the items, and where in it the first item of this one is.
bool FindItems(const LoadedSnapshot& snapshot, const Object& array, ItemMemory* memory, int64_t* at) {
  const Object* holder = &array;
  *at = 0;
  for (int i = 0; i < kMaxNesting; ++i) {
    if (!holder->has_parts() || holder->has_absent()) return false;
    const PartsOf parts(snapshot, *holder);
    const std::optional<int64_t> offset = parts.Int("offset");
    if (!offset.has_value() || __builtin_add_overflow(*at, *offset, at)) return false;
    if (parts.Bytes("data").has_value() || holder->parts().item_size() != 0 || parts.Id("base") == 0) {
      return FillMemory(snapshot, *holder, parts, memory);
    }
    holder = snapshot.object(parts.Id("base"));
    if (holder == nullptr) return false;
  }
  return false;
}

ReprPieces ArrayRepr(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  const PartsOf parts(snapshot, object);
  const auto known_shape = parts.Sizes("shape");
  const auto known_strides = parts.Sizes("strides");
  if (!known_shape.has_value() || !known_strides.has_value()) return std::nullopt;
  const std::vector<int64_t>& shape = *known_shape;
  const std::vector<int64_t>& strides = *known_strides;
  if (shape.size() != strides.size() || shape.size() > kMaxDimensions) return std::nullopt;
  std::string open = absl::StrCat("<", TypeNameOf(snapshot, object), " ");
  if (!shape.empty()) absl::StrAppend(&open, absl::StrJoin(shape, "x"), " ");
  absl::StrAppend(&open, DTypeText(snapshot, snapshot.object(parts.Id("dtype"))), " ");
  ItemMemory memory;
  int64_t at = 0;
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  if (!empty && !FindItems(snapshot, object, &memory, &at)) {
    const std::string why = object.has_absent() ? AbsentText(object.absent()) : "that it is a view of is absent";
    return OnlyText(absl::StrCat(open, "<the memory ", why, ">>"));
  }
  ItemWriter writer(snapshot, std::move(memory), max_characters);
  writer.Write(open);
  if (!writer.Items(parts.Id("dtype"), at, shape, strides, 0, 0)) return std::nullopt;
  writer.Write(">");
  return writer.Take();
}

ReprPieces ScalarRepr(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  const PartsOf parts(snapshot, object);
  const std::string open = absl::StrCat("<", TypeNameOf(snapshot, object), " ");
  if (const uint32_t inner = parts.Id("object"); inner != 0) return {{{open}, {"", inner}, {">"}}};
  const auto kind = parts.Bytes("kind");
  if (!kind.has_value() || kind->size() != 1) return std::nullopt;
  if (const auto value = parts.Bytes("value")) {
    const auto text = ArrayItemText(snapshot, *value, (*kind)[0], /*swapped=*/false, UnitText(parts));
    return text.has_value() ? OnlyText(absl::StrCat(open, *text, ">")) : std::nullopt;
  }
  ItemMemory memory;
  if (!FillMemory(snapshot, object, parts, &memory)) return std::nullopt;
  ItemWriter writer(snapshot, std::move(memory), max_characters);
  writer.Write(open);
  if (!writer.Item(parts.Id("dtype"), 0)) return std::nullopt;
  writer.Write(">");
  return writer.Take();
}

// Of a scalar that extends a builtin type, as numpy.float64 does.
ReprPieces BuiltinScalarRepr(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr || object.has_absent() || snapshot.string(type->module()) != "numpy") return std::nullopt;
  const std::string open = absl::StrCat("<", TypeNameOf(snapshot, object), " ");
  switch (object.value_case()) {
    case Object::kFloatValue:
      return OnlyText(absl::StrCat(open, FloatText(object.float_value()), ">"));
    case Object::kComplex:
      return OnlyText(absl::StrCat(open, ComplexText(object.complex().real(), object.complex().imag()), ">"));
    case Object::kStr:
      return OnlyText(absl::StrCat(open, StrRepr(snapshot, object.str()), ">"));
    case Object::kBytesValue:
      return OnlyText(
          absl::StrCat(open, *ArrayItemText(snapshot, object.bytes_value(), 'V', /*swapped=*/false, ""), ">"));
    default:
      return std::nullopt;
  }
}

}  // namespace

ReprPieces NumpyRepr(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  if (!object.has_parts()) return BuiltinScalarRepr(snapshot, object);
  if (IsInstance(snapshot, object, "numpy", "ndarray")) return ArrayRepr(snapshot, object, max_characters);
  if (object.has_absent()) return std::nullopt;
  if (IsInstance(snapshot, object, "numpy", "generic")) return ScalarRepr(snapshot, object, max_characters);
  if (!IsInstance(snapshot, object, "numpy", "dtype")) return std::nullopt;
  return OnlyText(absl::StrCat("<", TypeNameOf(snapshot, object), " ", DTypeText(snapshot, &object), ">"));
}

}  // namespace pysnap::format
