#include "snapshotter/format/numpy_repr.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/number_text.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/repr_text.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

using proto::Object;

// Dtypes in dtypes, and views of views.
constexpr int kMaxNesting = 32;
constexpr size_t kMaxDimensions = 64;

std::vector<int64_t> Sizes(std::string_view packed) {
  std::vector<int64_t> sizes(packed.size() / sizeof(int64_t));
  std::memcpy(sizes.data(), packed.data(), sizes.size() * sizeof(int64_t));
  return sizes;
}

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
  out->offsets = Sizes(parts.Bytes("offsets").value_or(""));
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

template <typename T>
T Load(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

double HalfToDouble(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  if (exponent == 0x1f) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25));
}

// The 80-bit format of x86, as long as a double holds the value.
std::string LongDoubleText(std::string_view bytes) {
  const auto value = Load<long double>(bytes);
  const auto narrow = static_cast<double>(value);
  if (static_cast<long double>(narrow) == value || value != value) return FloatText(narrow);
  return absl::StrFormat("%.21Lg", value);
}

std::string FloatItem(std::string_view bytes) {
  if (bytes.size() == 2) return FloatText(HalfToDouble(Load<uint16_t>(bytes)));
  if (bytes.size() == 4) return FloatText(static_cast<double>(Load<float>(bytes)));
  return bytes.size() == 8 ? FloatText(Load<double>(bytes)) : LongDoubleText(bytes);
}

std::string IntItem(std::string_view bytes, bool is_signed) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min<size_t>(bytes.size(), sizeof(value)));
  if (!is_signed) return absl::StrCat(value);
  const int shift = 64 - 8 * static_cast<int>(bytes.size());
  return absl::StrCat(static_cast<int64_t>(value << shift) >> shift);
}

// A day of the proleptic Gregorian calendar, counted from 1970-01-01.
std::string DayText(int64_t days) {
  // Eras of 400 years that begin on March 1, so that the day that may be missing is the last one of a year.
  constexpr int64_t kDaysPerEra = 146097;
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - kDaysPerEra + 1) / kDaysPerEra;
  const int64_t day_of_era = days - era * kDaysPerEra;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return absl::StrFormat("%04d-%02d-%02d", year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1);
}

// As ISO 8601 has it for steps of one day to one nanosecond; the bare number for others.
std::string TimeText(int64_t count, std::string_view unit) {
  constexpr struct {
    std::string_view unit;
    int64_t per_day;
    int digits;  // behind the seconds
  } kScales[] = {
      {"[D]", 1, 0}, {"[s]", 86400, 0}, {"[ms]", 86400000, 3}, {"[us]", 86400000000, 6}, {"[ns]", 86400000000000, 9}};
  for (const auto& scale : kScales) {
    if (unit != scale.unit) continue;
    int64_t days = count / scale.per_day;
    int64_t rest = count % scale.per_day;
    if (rest < 0) {
      rest += scale.per_day;
      --days;
    }
    if (scale.per_day == 1) return DayText(days);
    const int64_t per_second = scale.per_day / 86400;
    const int64_t seconds = rest / per_second;
    std::string text =
        absl::StrFormat("%sT%02d:%02d:%02d", DayText(days), seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (scale.digits > 0) absl::StrAppendFormat(&text, ".%0*d", scale.digits, rest % per_second);
    return text;
  }
  return absl::StrCat(count);
}

std::string TextItem(const LoadedSnapshot& snapshot, std::string_view bytes) {
  std::string text;
  size_t used = 0;
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    const auto character = Load<uint32_t>(bytes.substr(at));
    AppendUtf8(std::min<uint32_t>(character, 0x10ffff), &text);
    if (character != 0) used = text.size();
  }
  text.resize(used);
  return StrRepr(snapshot, text);
}

std::string RawText(std::string_view bytes) {
  ReprOutput out(0);
  AppendBytesRepr(bytes, /*always_escape_single=*/false, &out);
  return out.Take().text;
}

// One that is no object and has no parts; nothing where the kind is not known.
std::optional<std::string> PlainItem(
    const LoadedSnapshot& snapshot, std::string_view raw, char kind, bool swapped, std::string_view unit) {
  std::string bytes(raw);
  if (swapped) {
    // A complex number is two, a text many.
    const size_t one = kind == 'c' ? bytes.size() / 2 : kind == 'U' ? 4 : bytes.size();
    for (size_t at = 0; one > 0 && kind != 'S' && kind != 'V' && at + one <= bytes.size(); at += one) {
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + one));
    }
  }
  const auto is_size = [&](std::initializer_list<size_t> sizes) {
    return std::find(sizes.begin(), sizes.end(), bytes.size()) != sizes.end();
  };
  if (kind == 'b' && is_size({1})) return bytes[0] != 0 ? "True" : "False";
  if ((kind == 'i' || kind == 'u') && is_size({1, 2, 4, 8})) return IntItem(bytes, kind == 'i');
  if (kind == 'f' && is_size({2, 4, 8, 16})) return FloatItem(bytes);
  if (kind == 'c' && is_size({8, 16, 32})) {
    const std::string_view half(bytes.data(), bytes.size() / 2);
    const std::string_view imaginary(bytes.data() + half.size(), half.size());
    if (half.size() == 4) return ComplexText(Load<float>(half), Load<float>(imaginary));
    if (half.size() == 8) return ComplexText(Load<double>(half), Load<double>(imaginary));
    return absl::StrCat("(", LongDoubleText(half), ", ", LongDoubleText(imaginary), "j)");
  }
  if ((kind == 'M' || kind == 'm') && is_size({8})) {
    const auto count = Load<int64_t>(bytes);
    if (count == std::numeric_limits<int64_t>::min()) return "NaT";
    return kind == 'M' ? TimeText(count, unit) : absl::StrCat(count);
  }
  if (kind == 'S') return RawText(std::string_view(bytes).substr(0, bytes.find_last_not_of('\0') + 1));
  if (kind == 'U' && bytes.size() % 4 == 0) return TextItem(snapshot, bytes);
  if (kind == 'V') return RawText(bytes);
  return std::nullopt;
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
    const auto text = PlainItem(snapshot_, bytes, dtype.kind, dtype.swapped, dtype.unit);
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
  const auto packed_shape = parts.Bytes("shape");
  const auto packed_strides = parts.Bytes("strides");
  if (!packed_shape.has_value() || !packed_strides.has_value()) return std::nullopt;
  const std::vector<int64_t> shape = Sizes(*packed_shape);
  const std::vector<int64_t> strides = Sizes(*packed_strides);
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
    const auto text = PlainItem(snapshot, *value, (*kind)[0], /*swapped=*/false, UnitText(parts));
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
      return OnlyText(absl::StrCat(open, RawText(object.bytes_value()), ">"));
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
