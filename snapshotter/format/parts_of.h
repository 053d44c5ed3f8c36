// The parts of one object (proto::Parts), by name.
#ifndef PYSNAP_FORMAT_PARTS_OF_H_
#define PYSNAP_FORMAT_PARTS_OF_H_

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/snapshot.pb.h"
#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Both outlive it.
class PartsOf {
 public:
  PartsOf(const LoadedSnapshot& snapshot, const proto::Object& object) : snapshot_(snapshot), parts_(object.parts()) {}

  std::optional<int64_t> Int(std::string_view name) const {
    for (const proto::IntPart& part : parts_.int_part()) {
      if (snapshot_.string(part.name()) == name) return part.value();
    }
    return std::nullopt;
  }
  std::optional<std::string_view> Bytes(std::string_view name) const {
    for (const proto::BytesPart& part : parts_.bytes_part()) {
      if (snapshot_.string(part.name()) == name) return part.value();
    }
    return std::nullopt;
  }
  uint32_t Id(std::string_view name) const {
    for (const proto::Attribute& part : parts_.part()) {
      if (snapshot_.string(part.name()) == name) return part.value();
    }
    return 0;
  }
  // Numbers that were recorded as int64 each.
  std::optional<std::vector<int64_t>> Sizes(std::string_view name) const {
    const std::optional<std::string_view> packed = Bytes(name);
    if (!packed.has_value()) return std::nullopt;
    std::vector<int64_t> sizes(packed->size() / sizeof(int64_t));
    std::memcpy(sizes.data(), packed->data(), sizes.size() * sizeof(int64_t));
    return sizes;
  }
  // All of them, or nothing when one is missing.
  std::optional<std::vector<int64_t>> Ints(std::initializer_list<std::string_view> names) const {
    std::vector<int64_t> values;
    for (const std::string_view name : names) {
      const std::optional<int64_t> value = Int(name);
      if (!value.has_value()) return std::nullopt;
      values.push_back(*value);
    }
    return values;
  }

 private:
  const LoadedSnapshot& snapshot_;
  const proto::Parts& parts_;
};

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_PARTS_OF_H_
