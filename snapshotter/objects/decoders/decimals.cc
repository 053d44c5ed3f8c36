// decimal.Decimal (Modules/_decimal/_decimal.c).
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

// Of libmpdec (mpdecimal.h): flags, and how many decimal digits a word holds where words have 64 bits.
constexpr uint8_t kNegative = 1;
constexpr uint8_t kInfinity = 2;
constexpr uint8_t kQuietNan = 4;
constexpr uint8_t kSignallingNan = 8;
constexpr int64_t kWordDigits = 19;
constexpr uint64_t kWordLimit = 10'000'000'000'000'000'000u;

// The digits of a coefficient, whose words begin with the lowest.
absl::StatusOr<std::string> Digits(Crawl& crawl, Address data, int64_t digits, int64_t word_count) {
  std::vector<uint64_t> words;
  RETURN_IF_ERROR(crawl.memory().ReadArray(data, static_cast<size_t>(word_count), words));
  std::string text;
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    if (*word >= kWordLimit) return absl::DataLossError("a word of its coefficient is too large");
    absl::StrAppend(&text, text.empty() ? absl::StrCat(*word) : absl::StrFormat("%0*d", int{kWordDigits}, *word));
  }
  if (static_cast<int64_t>(text.size()) != digits) return absl::DataLossError("its number of digits is another");
  return text;
}

}  // namespace

// Parts: sign (0, 1), exponent, and the coefficient's digits. For an infinity `exponent` is missing and `special` "F";
// for a NaN `special` is "n" or "N" (signalling), and the digits are its payload: the letters that Decimal.as_tuple()
// has for the exponent.
absl::Status DecodeDecimal(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyDecObject;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const uint8_t flags, memory.ReadValue<uint8_t>(object + layout.dec_flags));
  ASSIGN_OR_RETURN(const int64_t exponent, memory.ReadValue<int64_t>(object + layout.dec_exp));
  ASSIGN_OR_RETURN(const int64_t digits, memory.ReadValue<int64_t>(object + layout.dec_digits));
  ASSIGN_OR_RETURN(const int64_t words, memory.ReadValue<int64_t>(object + layout.dec_len));
  ASSIGN_OR_RETURN(const Address data, memory.ReadPointer(object + layout.dec_data));
  const bool infinite = (flags & kInfinity) != 0;
  const bool nan = (flags & (kQuietNan | kSignallingNan)) != 0;
  std::string text;
  if (!infinite && !(nan && digits == 0)) {
    constexpr int64_t kMaxWords = int64_t{1} << 40;
    if (words < 1 || words > kMaxWords || digits < 1 || digits > words * kWordDigits ||
        digits <= (words - 1) * kWordDigits) {
      return absl::DataLossError(absl::StrFormat("%d digits in %d words", digits, words));
    }
    const uint64_t size = static_cast<uint64_t>(words) * sizeof(uint64_t);
    if (crawl.GrantBytes(size) < size) {
      crawl.MarkLimited();
      return absl::ResourceExhaustedError(absl::StrFormat("%s, of a Decimal of %d digits", crawl.WhyCut(), digits));
    }
    if (crawl.touch_only()) {
      crawl.Touch(data, size);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(text, Digits(crawl, data, digits, words));
  }
  AddIntPart(crawl, "sign", (flags & kNegative) != 0 ? 1 : 0, out);
  AddBytesPart(crawl, "digits", text, out);
  if (infinite || nan) {
    AddBytesPart(crawl, "special", infinite ? "F" : (flags & kQuietNan) != 0 ? "n" : "N", out);
  } else {
    AddIntPart(crawl, "exponent", exponent, out);
  }
  return absl::OkStatus();
}

}  // namespace pysnap
