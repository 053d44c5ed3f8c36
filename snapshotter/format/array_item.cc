#include "snapshotter/format/array_item.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/format/number_text.h"
#include "snapshotter/format/repr_text.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

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

}  // namespace

std::optional<std::string> ArrayItemText(
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

}  // namespace pysnap::format
