#include "snapshotter/format/file_repr.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"

namespace pysnap::format {
namespace {

using proto::Object;

// A file is on top of another one, and that of a raw one.
constexpr int kMaxLayers = 4;

std::string_view NameOfType(const LoadedSnapshot& snapshot, const Object& object) {
  const proto::Type* type = TypeOf(snapshot, object);
  if (type == nullptr || snapshot.string(type->module()) != "_io") return {};
  return snapshot.string(type->qualname());
}

bool IsBuffered(std::string_view type) {
  return type == "BufferedReader" || type == "BufferedWriter" || type == "BufferedRandom";
}

// What the attribute `name` of a file gives: an object, or nothing when it has none. False when that is not known.
bool FindFileName(const LoadedSnapshot& snapshot, const Object& object, uint32_t* found) {
  const Object* layer = &object;
  for (int i = 0; i < kMaxLayers && layer != nullptr; ++i) {
    const std::string_view type = NameOfType(snapshot, *layer);
    if (type.empty()) return false;
    *found = FindAttribute(snapshot, *layer, "name");
    if (*found != 0 || type == "FileIO") return true;
    const PartsOf parts(snapshot, *layer);
    if (IsBuffered(type)) {
      layer = snapshot.object(parts.Id("raw"));
    } else if (type == "TextIOWrapper") {
      layer = snapshot.object(parts.Id("buffer"));
    } else {
      return false;
    }
  }
  return false;
}

// mode_string, Modules/_io/fileio.c.
std::string Mode(const PartsOf& parts) {
  const auto is = [&](std::string_view name) { return parts.Int(name).has_value(); };
  if (is("created")) return is("readable") ? "xb+" : "xb";
  if (is("appending")) return is("readable") ? "ab+" : "ab";
  if (is("readable") && is("writable")) return is("truncate") ? "wb+" : "rb+";
  return is("readable") ? "rb" : "wb";
}

}  // namespace

ReprPieces FileRepr(const LoadedSnapshot& snapshot, const Object& object, std::string_view name) {
  const bool raw = name == "FileIO";
  const bool text = name == "TextIOWrapper";
  if (!object.has_parts() || object.has_absent() || (!raw && !text && !IsBuffered(name))) return std::nullopt;
  const PartsOf parts(snapshot, object);
  uint32_t file_name = 0;
  if (parts.Int("detached").has_value() || !FindFileName(snapshot, object, &file_name)) return std::nullopt;
  std::vector<ReprPiece> pieces = {{absl::StrCat("<_io.", std::string(name))}};
  if (raw) {
    const std::optional<int64_t> fd = parts.Int("fd");
    if (!fd.has_value()) return std::nullopt;
    if (*fd < 0) return std::vector<ReprPiece>{{"<_io.FileIO [closed]>"}};
    if (file_name == 0) pieces.push_back({absl::StrCat(" fd=", *fd)});
  }
  if (file_name != 0) pieces.insert(pieces.end(), {{" name="}, {"", file_name}});
  if (raw) {
    const char* close_fd = parts.Int("closefd").has_value() ? "True" : "False";
    pieces.push_back({absl::StrCat(" mode='", Mode(parts), "' closefd=", close_fd)});
  } else if (text) {
    if (const uint32_t mode = FindAttribute(snapshot, object, "mode"); mode != 0) {
      pieces.insert(pieces.end(), {{" mode="}, {"", mode}});
    }
    pieces.insert(pieces.end(), {{" encoding="}, {"", parts.Id("encoding")}});
  }
  pieces.push_back({">"});
  return pieces;
}

}  // namespace pysnap::format
