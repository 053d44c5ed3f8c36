// The parts of one object (proto::Parts), by name.
#ifndef PYSNAP_FORMAT_PARTS_OF_H_
#define PYSNAP_FORMAT_PARTS_OF_H_

#include <cstdint>
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
