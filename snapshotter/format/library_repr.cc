#include "snapshotter/format/library_repr.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "snapshotter/format/file_repr.h"
#include "snapshotter/format/number_text.h"
#include "snapshotter/format/numpy_repr.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/runtime_repr.h"
#include "snapshotter/format/socket_repr.h"
#include "snapshotter/format/standard_class_repr.h"
#include "snapshotter/format/torch_repr.h"
#include "snapshotter/format/utf8.h"
#include "snapshotter/format/weak_repr.h"

namespace pysnap::format {
namespace {

using proto::Object;
using Pieces = ReprPieces;

// delta_repr, Modules/_datetimemodule.c.
Pieces TimeDelta(const LoadedSnapshot& snapshot, const Object& object) {
  std::string arguments;
  for (const char* name : {"days", "seconds", "microseconds"}) {
    const std::optional<int64_t> value = PartsOf(snapshot, object).Int(name);
    if (!value.has_value()) return std::nullopt;
    if (*value != 0) absl::StrAppend(&arguments, arguments.empty() ? "" : ", ", name, "=", *value);
  }
  return OnlyText(absl::StrCat("datetime.timedelta(", arguments.empty() ? "0" : arguments, ")"));
}

Pieces Date(const LoadedSnapshot& snapshot, const Object& object) {
  const auto values = PartsOf(snapshot, object).Ints({"year", "month", "day"});
  if (!values.has_value()) return std::nullopt;
  return OnlyText(absl::StrFormat("datetime.date(%d, %d, %d)", (*values)[0], (*values)[1], (*values)[2]));
}

// time_repr and datetime_repr: the last of the numbers are left out when they are zero, and the two keywords that may
// follow are in another order.
Pieces Clock(const LoadedSnapshot& snapshot, const Object& object, bool with_date) {
  const PartsOf parts(snapshot, object);
  auto values = with_date ? parts.Ints({"year", "month", "day", "hour", "minute", "second", "microsecond"})
                          : parts.Ints({"hour", "minute", "second", "microsecond"});
  const std::optional<int64_t> fold = parts.Int("fold");
  if (!values.has_value() || !fold.has_value()) return std::nullopt;
  for (int i = 0; i < 2 && values->back() == 0; ++i) values->pop_back();
  std::string text = with_date ? "datetime.datetime(" : "datetime.time(";
  for (size_t i = 0; i < values->size(); ++i) absl::StrAppend(&text, i == 0 ? "" : ", ", (*values)[i]);
  const std::string folded = *fold != 0 ? absl::StrCat(", fold=", *fold) : "";
  const uint32_t zone = parts.Id("tzinfo");
  if (zone == 0) return OnlyText(text + folded + ")");
  if (with_date) text += folded;
  return std::vector<ReprPiece>{{text + ", tzinfo="}, {"", zone}, {with_date ? ")" : folded + ")"}};
}

// timezone_repr: the one without offset and name is datetime.timezone.utc.
Pieces TimeZone(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const uint32_t offset = parts.Id("offset");
  const uint32_t name = parts.Id("name");
  const Object* delta = snapshot.object(offset);
  if (delta == nullptr || !delta->has_parts()) return std::nullopt;
  const auto values = PartsOf(snapshot, *delta).Ints({"days", "seconds", "microseconds"});
  if (!values.has_value()) return std::nullopt;
  if (name == 0 && std::all_of(values->begin(), values->end(), [](int64_t value) { return value == 0; })) {
    return OnlyText("datetime.timezone.utc");
  }
  std::vector<ReprPiece> pieces = {{"datetime.timezone("}, {"", offset}};
  if (name != 0) pieces.insert(pieces.end(), {{", "}, {"", name}});
  pieces.push_back({")"});
  return pieces;
}

// zoneinfo_repr, Modules/_zoneinfo.c.
Pieces ZoneInfo(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const Object* key = snapshot.object(parts.Id("key"));
  if (key == nullptr || object.has_absent()) return std::nullopt;
  if (!key->has_singleton()) return std::vector<ReprPiece>{{"zoneinfo.ZoneInfo(key="}, {"", parts.Id("key")}, {")"}};
  const auto file = StrOf(snapshot, parts.Id("file"));
  if (!file.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat("zoneinfo.ZoneInfo.from_file(", std::string(*file), ")"));
}

// mpd_to_sci of libmpdec, the text of str(decimal): scientific when the exponent is positive or the number very small.
std::string DecimalText(std::string_view digits, int64_t exponent) {
  const int64_t count = static_cast<int64_t>(digits.size());
  const int64_t leading = exponent + count;  // digits before the point
  if (exponent <= 0 && leading > -6) {
    if (exponent == 0) return std::string(digits);
    if (leading > 0) {
      const auto before = static_cast<size_t>(leading);
      return absl::StrCat(std::string(digits.substr(0, before)), ".", std::string(digits.substr(before)));
    }
    return absl::StrCat("0.", std::string(static_cast<size_t>(-leading), '0'), std::string(digits));
  }
  std::string text(digits.substr(0, 1));
  if (count > 1) absl::StrAppend(&text, ".", std::string(digits.substr(1)));
  return absl::StrFormat("%sE%+d", text, leading - 1);
}

Pieces Decimal(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const std::optional<int64_t> sign = parts.Int("sign");
  const std::optional<std::string_view> digits = parts.Bytes("digits");
  if (!sign.has_value() || !digits.has_value()) return std::nullopt;
  std::string text = *sign != 0 ? "-" : "";
  if (const std::optional<std::string_view> special = parts.Bytes("special")) {
    text += *special == "F" ? "Infinity" : *special == "n" ? "NaN" : "sNaN";
    text += *digits;
  } else {
    const std::optional<int64_t> exponent = parts.Int("exponent");
    // libmpdec allows no more (MPD_MAX_EMAX); also keeps the sums from overflowing.
    constexpr int64_t kMaxExponent = 2'000'000'000'000'000'000;
    if (!exponent.has_value() || digits->empty() || std::abs(*exponent) > kMaxExponent) return std::nullopt;
    text += DecimalText(*digits, *exponent);
  }
  return OnlyText(absl::StrCat("Decimal('", text, "')"));
}

template <typename T>
T Load(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

// Nothing for a type code that is none.
std::optional<std::string> ArrayItem(char code, std::string_view bytes) {
  switch (code) {
    case 'b':
      return absl::StrCat(Load<int8_t>(bytes));
    case 'B':
      return absl::StrCat(Load<uint8_t>(bytes));
    case 'h':
      return absl::StrCat(Load<int16_t>(bytes));
    case 'H':
      return absl::StrCat(Load<uint16_t>(bytes));
    case 'i':
      return absl::StrCat(Load<int32_t>(bytes));
    case 'I':
      return absl::StrCat(Load<uint32_t>(bytes));
    case 'l':
    case 'q':
      return absl::StrCat(Load<int64_t>(bytes));
    case 'L':
    case 'Q':
      return absl::StrCat(Load<uint64_t>(bytes));
    case 'f':
      return FloatText(static_cast<double>(Load<float>(bytes)));
    case 'd':
      return FloatText(Load<double>(bytes));
    default:
      return std::nullopt;
  }
}

// array_repr, Modules/arraymodule.c.
Pieces Array(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  const PartsOf parts(snapshot, object);
  const std::optional<std::string_view> code = parts.Bytes("typecode");
  const std::optional<std::string_view> items = parts.Bytes("items");
  const std::optional<int64_t> item_size = parts.Int("itemsize");
  if (!code.has_value() || code->size() != 1 || !items.has_value() || !item_size.has_value()) return std::nullopt;
  constexpr std::string_view kCodes = "bBuhHiIlLqQfdw";
  constexpr size_t kSizes[] = {1, 1, 4, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8, 4};
  const size_t known = kCodes.find((*code)[0]);
  if (known == std::string_view::npos || static_cast<size_t>(*item_size) != kSizes[known]) return std::nullopt;
  const size_t size = kSizes[known];
  std::string text = absl::StrCat("array('", std::string(*code), "'");
  if (items->empty() && !object.has_absent()) return OnlyText(text + ")");
  const bool characters = *code == "u" || *code == "w";
  std::string contents;
  for (size_t at = 0; at + size <= items->size(); at += size) {
    if (max_characters != 0 && contents.size() > max_characters * 4) break;
    if (characters) {
      const uint32_t character = Load<uint32_t>(items->substr(at));
      if (character > 0x10ffff) return std::nullopt;
      AppendUtf8(character, &contents);
    } else {
      const std::optional<std::string> item = ArrayItem((*code)[0], items->substr(at, size));
      absl::StrAppend(&contents, at == 0 ? "" : ", ", *item);
    }
  }
  absl::StrAppend(&text, ", ", characters ? StrRepr(snapshot, contents) : absl::StrCat("[", contents));
  if (object.has_absent()) absl::StrAppend(&text, ", <the rest ", AbsentText(object.absent()), ">");
  return OnlyText(text + (characters ? ")" : "])"));
}

// Counter.__repr__: the most common first, in a stable order.
Pieces Counter(const LoadedSnapshot& snapshot, const Object& object) {
  if (!object.has_mapping() || object.has_absent()) return std::nullopt;
  const proto::Mapping& mapping = object.mapping();
  if (mapping.key_size() == 0 && mapping.omitted() == 0) return OnlyText("Counter()");
  std::vector<std::pair<int64_t, int>> counts;
  for (int i = 0; i < std::min(mapping.key_size(), mapping.value_size()); ++i) {
    const Object* count = snapshot.object(mapping.value(i));
    if (count == nullptr || count->value_case() != Object::kIntValue) return std::nullopt;
    counts.emplace_back(count->int_value(), i);
  }
  std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<ReprPiece> pieces = {{"Counter({"}};
  for (const auto& [count, index] : counts) {
    pieces.push_back({"", mapping.key(index)});
    pieces.push_back({absl::StrCat(": ", count, &counts.back().second == &index ? "" : ", ")});
  }
  pieces.push_back({"})"});
  return pieces;
}

Pieces Fraction(const LoadedSnapshot& snapshot, const Object& object) {
  const uint32_t numerator = FindAttribute(snapshot, object, "_numerator");
  const uint32_t denominator = FindAttribute(snapshot, object, "_denominator");
  if (numerator == 0 || denominator == 0) return std::nullopt;
  return std::vector<ReprPiece>{{"Fraction("}, {"", numerator}, {", "}, {"", denominator}, {")"}};
}

// The hexadecimal digits of an int of at most 128 bits.
std::optional<std::string> Hex128(const Object& object) {
  if (object.value_case() == Object::kIntValue && object.int_value() >= 0) {
    return absl::StrFormat("%032x", object.int_value());
  }
  if (object.value_case() != Object::kBigInt || object.big_int().size() > 17) return std::nullopt;
  const std::string& bytes = object.big_int();  // little endian, with a sign
  if ((static_cast<uint8_t>(bytes.back()) & 0x80) != 0) return std::nullopt;
  std::string text;
  for (size_t i = 16; i-- > 0;) {
    absl::StrAppend(&text, absl::Hex(i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0, absl::kZeroPad2));
  }
  if (bytes.size() == 17 && bytes.back() != 0) return std::nullopt;
  return text;
}

Pieces Uuid(const LoadedSnapshot& snapshot, const Object& object) {
  const Object* number = snapshot.object(FindAttribute(snapshot, object, "int"));
  const std::optional<std::string> hex = number != nullptr ? Hex128(*number) : std::nullopt;
  if (!hex.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat("UUID('", hex->substr(0, 8), "-", hex->substr(8, 4), "-", hex->substr(12, 4), "-",
                               hex->substr(16, 4), "-", hex->substr(20), "')"));
}

// What a path of 3.12 and later was made of, joined and cut into its parts as PurePath._parse_path has it.
std::optional<std::string> JoinedPath(const LoadedSnapshot& snapshot, const Object& raw) {
  if (raw.has_absent() || !raw.has_sequence()) return std::nullopt;
  std::string joined;
  for (const uint32_t id : raw.sequence().item()) {
    const auto path = StrOf(snapshot, id);
    if (!path.has_value()) return std::nullopt;
    if (!path->empty() && (*path)[0] == '/') joined.clear();
    absl::StrAppend(&joined, joined.empty() || joined.back() == '/' ? "" : "/", std::string(*path));
  }
  const size_t slashes = std::min(joined.find_first_not_of('/'), joined.size());
  std::string text(slashes == 2 ? 2 : std::min<size_t>(slashes, 1), '/');
  const size_t root = text.size();
  for (const absl::string_view part : absl::StrSplit(absl::string_view(joined).substr(slashes), '/')) {
    if (part.empty() || part == ".") continue;
    absl::StrAppend(&text, text.size() == root ? "" : "/", part);
  }
  return text;
}

// What os.fspath() gives, if it was asked for once: it is kept then. Otherwise the parts that a path of up to 3.11 is
// made of, the root being the first.
std::optional<std::string> PathText(const LoadedSnapshot& snapshot, const Object& object) {
  if (const auto text = StrOf(snapshot, FindAttribute(snapshot, object, "_str"))) return std::string(*text);
  if (const Object* raw = snapshot.object(FindAttribute(snapshot, object, "_raw_paths"))) {
    return JoinedPath(snapshot, *raw);
  }
  const auto root = StrOf(snapshot, FindAttribute(snapshot, object, "_root"));
  const Object* parts = snapshot.object(FindAttribute(snapshot, object, "_parts"));
  if (!root.has_value() || parts == nullptr || !parts->has_sequence() || parts->has_absent()) return std::nullopt;
  std::string text(*root);
  for (int i = root->empty() ? 0 : 1; i < parts->sequence().item_size(); ++i) {
    const auto part = StrOf(snapshot, parts->sequence().item(i));
    if (!part.has_value()) return std::nullopt;
    absl::StrAppend(&text, text.size() == root->size() ? "" : "/", std::string(*part));
  }
  return text;
}

Pieces Path(const LoadedSnapshot& snapshot, const Object& object, std::string_view name) {
  const std::optional<std::string> text = PathText(snapshot, object);
  if (!text.has_value()) return std::nullopt;
  return OnlyText(absl::StrCat(std::string(name), "(", StrRepr(snapshot, text->empty() ? "." : *text), ")"));
}

// Only what os.fspath() gave: its parts are put together by other rules.
Pieces WindowsPath(const LoadedSnapshot& snapshot, const Object& object, std::string_view name) {
  const auto text = StrOf(snapshot, FindAttribute(snapshot, object, "_str"));
  if (!text.has_value()) return std::nullopt;
  std::string slashed(*text);
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  return OnlyText(absl::StrCat(std::string(name), "(", StrRepr(snapshot, slashed), ")"));
}

}  // namespace

ReprPieces LibraryRepr(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr) return std::nullopt;
  const std::string_view module = snapshot.string(type->module());
  const std::string_view name = snapshot.string(type->qualname());
  if (module == "datetime") {
    if (name == "timedelta") return TimeDelta(snapshot, object);
    if (name == "date") return Date(snapshot, object);
    if (name == "time") return Clock(snapshot, object, /*with_date=*/false);
    if (name == "datetime") return Clock(snapshot, object, /*with_date=*/true);
    if (name == "timezone") return TimeZone(snapshot, object);
  }
  if (module == "decimal" && name == "Decimal") return Decimal(snapshot, object);
  if (module == "array" && name == "array") return Array(snapshot, object, max_characters);
  if (module == "collections" && name == "Counter") return Counter(snapshot, object);
  if (module == "_io") {
    if (ReprPieces pieces = FileRepr(snapshot, object, name)) return pieces;
  }
  if ((module == "socket" || module == "_socket") && name == "socket") return SocketRepr(snapshot, object, module);
  if (ReprPieces pieces = NumpyRepr(snapshot, object, max_characters)) return pieces;
  if (ReprPieces pieces = TorchRepr(snapshot, object, max_characters)) return pieces;
  if (module == "zoneinfo" && name == "ZoneInfo") return ZoneInfo(snapshot, object);
  if (module == "fractions" && name == "Fraction") return Fraction(snapshot, object);
  if (module == "uuid" && name == "UUID") return Uuid(snapshot, object);
  // Lib/pathlib.py; in 3.13 Lib/pathlib/_local.py.
  if (module == "pathlib" || module == "pathlib._local") {
    if (name == "PosixPath" || name == "PurePosixPath") return Path(snapshot, object, name);
    if (name == "WindowsPath" || name == "PureWindowsPath") return WindowsPath(snapshot, object, name);
  }
  if (ReprPieces pieces = WeakRepr(snapshot, object, module, name)) return pieces;
  if (ReprPieces pieces = StandardClassRepr(snapshot, object, module, name)) return pieces;
  return RuntimeRepr(snapshot, object, module, name);
}

}  // namespace pysnap::format
