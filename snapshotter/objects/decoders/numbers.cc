// bool, int, float, complex.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/behaviours/long_shape.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kChunkDigits = 4096;
// These many digits may fit an int64_t.
constexpr uint64_t kSmallDigits = 3;

absl::Status CheckDigit(uint32_t digit) {
  if (digit >> kLongDigitBits == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("%#x is no digit of an int", digit));
}

// Turns a magnitude (little endian, with room for a sign) into the shortest two's complement form.
void Finish(bool negative, std::string& bytes) {
  if (negative) {
    unsigned carry = 1;
    for (char& c : bytes) {
      const unsigned sum = static_cast<unsigned>(static_cast<uint8_t>(~static_cast<unsigned>(c))) + carry;
      c = static_cast<char>(sum);
      carry = sum >> 8;
    }
  }
  const auto top_bit = [](char c) { return (static_cast<uint8_t>(c) & 0x80) != 0; };
  while (bytes.size() > 1) {
    const char last = bytes.back();
    const bool before = top_bit(bytes[bytes.size() - 2]);
    if (!((last == 0 && !before) || (last == static_cast<char>(0xff) && before))) break;
    bytes.pop_back();
  }
}

absl::Status DecodeSmall(Crawl& crawl, Address digits, const LongShape& shape, proto::Object& out) {
  unsigned __int128 magnitude = 0;
  for (uint64_t i = shape.digit_count; i-- > 0;) {
    ASSIGN_OR_RETURN(const uint32_t digit, crawl.memory().ReadValue<uint32_t>(digits + static_cast<int64_t>(i * 4)));
    RETURN_IF_ERROR(CheckDigit(digit));
    magnitude = magnitude << kLongDigitBits | digit;
  }
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (magnitude <= kMax || (shape.negative && magnitude == kMax + uint64_t{1})) {
    const uint64_t bits = static_cast<uint64_t>(magnitude);
    out.set_int_value(static_cast<int64_t>(shape.negative ? uint64_t{0} - bits : bits));
    return absl::OkStatus();
  }
  std::string bytes(sizeof(magnitude), '\0');
  for (char& c : bytes) {
    c = static_cast<char>(magnitude & 0xff);
    magnitude >>= 8;
  }
  Finish(shape.negative, bytes);
  out.set_big_int(std::move(bytes));
  return absl::OkStatus();
}

absl::Status DecodeBig(Crawl& crawl, Address digits, const LongShape& shape, proto::Object& out) {
  const uint64_t size = shape.digit_count * sizeof(uint32_t);
  if (crawl.GrantBytes(size) < size) {
    crawl.MarkLimited();
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s, of an int of %d digits", crawl.WhyCut(), shape.digit_count));
  }
  if (crawl.touch_only()) {
    crawl.Touch(digits, size);
    return absl::OkStatus();
  }
  std::string bytes;
  std::vector<uint32_t> chunk;
  uint64_t pending = 0;  // bits that do not fill a byte yet
  int pending_bits = 0;
  for (uint64_t first = 0; first < shape.digit_count; first += kChunkDigits) {
    const uint64_t count = std::min(kChunkDigits, shape.digit_count - first);
    RETURN_IF_ERROR(crawl.memory().ReadArray(digits + static_cast<int64_t>(first * 4), count, chunk));
    for (const uint32_t digit : chunk) {
      RETURN_IF_ERROR(CheckDigit(digit));
      pending |= uint64_t{digit} << pending_bits;
      for (pending_bits += kLongDigitBits; pending_bits >= 8; pending_bits -= 8) {
        bytes.push_back(static_cast<char>(pending & 0xff));
        pending >>= 8;
      }
    }
  }
  bytes.push_back(static_cast<char>(pending & 0xff));
  bytes.push_back('\0');
  Finish(shape.negative, bytes);
  out.set_big_int(std::move(bytes));
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeBool(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  if (object == crawl.runtime().Symbol("_Py_TrueStruct")) {
    out.set_bool_value(true);
  } else if (object == crawl.runtime().Symbol("_Py_FalseStruct")) {
    out.set_bool_value(false);
  } else {
    return absl::DataLossError("a bool that is neither True nor False");
  }
  return absl::OkStatus();
}

absl::Status DecodeInt(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const LongShape shape, ReadLongShape(crawl.runtime(), crawl.memory(), object));
  constexpr uint64_t kMaxDigits = uint64_t{1} << 40;
  if (shape.digit_count > kMaxDigits) {
    return absl::DataLossError(absl::StrFormat("an int of %d digits of 30 bits", shape.digit_count));
  }
  const Address digits = object + crawl.layout().PyLongObject.ob_digit;
  return shape.digit_count <= kSmallDigits ? DecodeSmall(crawl, digits, shape, out)
                                           : DecodeBig(crawl, digits, shape, out);
}

absl::Status DecodeFloat(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const double value, crawl.memory().ReadValue<double>(object + crawl.layout().PyFloatObject.ob_fval));
  out.set_float_value(value);
  return absl::OkStatus();
}

absl::Status DecodeComplex(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyComplexObject;
  ASSIGN_OR_RETURN(const double real, crawl.memory().ReadValue<double>(object + layout.cval_real));
  ASSIGN_OR_RETURN(const double imag, crawl.memory().ReadValue<double>(object + layout.cval_imag));
  out.mutable_complex()->set_real(real);
  out.mutable_complex()->set_imag(imag);
  return absl::OkStatus();
}

}  // namespace pysnap
