#include "snapshotter/format/number_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace pysnap::format {
namespace {

// repr() switches to an exponent where the decimal point would be further right than this, or left of -4.
constexpr int kMaxPoint = 16;

// As float.__repr__, or without ".0" as inside a complex number.
std::string ShortestText(double value, bool add_dot_0) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char scientific[40];
  const auto result =
      std::to_chars(scientific, scientific + sizeof(scientific), std::fabs(value), std::chars_format::scientific);
  const std::string_view text(scientific, static_cast<size_t>(result.ptr - scientific));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  for (char c : text.substr(e + 2)) exponent = exponent * 10 + (c - '0');
  if (text[e + 1] == '-') exponent = -exponent;

  std::string out = std::signbit(value) ? "-" : "";
  const int point = exponent + 1;  // of `digits`, this many stand before the decimal point
  const int count = static_cast<int>(digits.size());
  if (point <= -4 || point > kMaxPoint) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    char suffix[16];
    snprintf(suffix, sizeof(suffix), "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
    return out + suffix;
  }
  if (point <= 0) return out + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  if (point >= count) {
    return out + digits + std::string(static_cast<size_t>(point - count), '0') + (add_dot_0 ? ".0" : "");
  }
  return out + digits.substr(0, static_cast<size_t>(point)) + "." + digits.substr(static_cast<size_t>(point));
}

}  // namespace

std::string IntText(std::string_view bytes) {
  if (bytes.empty()) return "0";
  if (bytes.size() > kMaxIntBytes) return "";
  const bool negative = (bytes.back() & 0x80) != 0;
  std::vector<uint64_t> limbs((bytes.size() + 7) / 8, negative ? ~uint64_t{0} : 0);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const unsigned shift = i % 8 * 8;
    limbs[i / 8] &= ~(uint64_t{0xff} << shift);
    limbs[i / 8] |= uint64_t{static_cast<unsigned char>(bytes[i])} << shift;
  }
  if (negative) {
    uint64_t carry = 1;
    for (uint64_t& limb : limbs) {
      limb = ~limb + carry;
      carry = carry != 0 && limb == 0 ? 1 : 0;
    }
    if (carry != 0) limbs.push_back(1);
  }

  constexpr uint64_t kChunk = 10'000'000'000'000'000'000u;  // 10**19, the largest power in 64 bits
  std::vector<uint64_t> chunks;                             // least significant first
  while (!limbs.empty()) {
    uint64_t remainder = 0;
    for (size_t i = limbs.size(); i-- > 0;) {
      const auto part = static_cast<unsigned __int128>(remainder) << 64 | limbs[i];
      limbs[i] = static_cast<uint64_t>(part / kChunk);
      remainder = static_cast<uint64_t>(part % kChunk);
    }
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
    chunks.push_back(remainder);
  }
  if (chunks.empty()) return "0";
  std::string out = negative ? "-" : "";
  out += std::to_string(chunks.back());
  for (size_t i = chunks.size() - 1; i-- > 0;) {
    char digits[24];
    snprintf(digits, sizeof(digits), "%019llu", static_cast<unsigned long long>(chunks[i]));
    out += digits;
  }
  return out;
}

std::string FloatText(double value) { return ShortestText(value, true); }

std::string ComplexText(double real, double imag) {
  const std::string imaginary = ShortestText(imag, false);
  if (real == 0 && !std::signbit(real)) return imaginary + "j";
  const bool signed_already = imaginary[0] == '-';
  return "(" + ShortestText(real, false) + (signed_already ? "" : "+") + imaginary + "j)";
}

}  // namespace pysnap::format
