// Results on their way from one process to another of the same program.
#ifndef PYSNAP_CAPTURE_TRANSPORT_H_
#define PYSNAP_CAPTURE_TRANSPORT_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace pysnap {

// Longer texts are cut.
inline constexpr size_t kMaxTransportedText = size_t{16} << 10;

template <typename T>
void Put(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

inline void PutText(std::string& out, absl::string_view text) {
  text = text.substr(0, kMaxTransportedText);
  Put(out, text.size());
  out.append(text.data(), text.size());
}

// Zero where `in` is at its end.
template <typename T>
T Take(absl::string_view& in) {
  T value = {};
  if (in.size() >= sizeof(T)) std::memcpy(&value, in.data(), sizeof(T));
  in.remove_prefix(std::min(in.size(), sizeof(T)));
  return value;
}

inline std::string TakeText(absl::string_view& in) {
  const size_t size = std::min(Take<size_t>(in), in.size());
  std::string text(in.substr(0, size));
  in.remove_prefix(size);
  return text;
}

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_TRANSPORT_H_
