// Numbers as Python's repr() writes them.
#ifndef PYSNAP_FORMAT_NUMBER_TEXT_H_
#define PYSNAP_FORMAT_NUMBER_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace pysnap::format {

// Ints of more bytes than this are not converted: it takes time quadratic in their size. (Python from 3.11 on refuses
// beyond 4300 digits by default; these are 39,000.)
inline constexpr size_t kMaxIntBytes = 16 << 10;

// In decimal; `bytes` is two's complement, little endian. Empty beyond kMaxIntBytes.
std::string IntText(std::string_view bytes);

// The shortest text that reads back as the same double: "1.0", "1e+16", "-0.0", "nan", "inf".
std::string FloatText(double value);

// "1j", "(1.5-2j)", "(-0+0j)".
std::string ComplexText(double real, double imag);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_NUMBER_TEXT_H_
