#include "snapshotter/format/torch_repr.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "snapshotter/format/array_item.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/repr.h"

namespace pysnap::format {
namespace {

using proto::Object;

constexpr size_t kMaxDimensions = 64;
constexpr int kMaxHolders = 32;

// Writes items as nested lists, up to a number of characters.
class ItemWriter {
 public:
  ItemWriter(const LoadedSnapshot& snapshot, std::string_view memory, const PartsOf& tensor, size_t max_characters)
      : snapshot_(snapshot),
        memory_(memory),
        shape_(tensor.Sizes("shape").value_or(std::vector<int64_t>())),
        strides_(tensor.Sizes("strides").value_or(std::vector<int64_t>())),
        is_bfloat_(tensor.Bytes("dtype") == "bfloat16"),
        size_(tensor.Int("itemsize").value_or(0)),
        left_(max_characters == 0 ? kMaxReprBytes : max_characters) {
    const std::string_view kind = tensor.Bytes("kind").value_or("");
    if (kind.size() == 1) kind_ = kind[0];
  }

  // From byte `at` on. False when something is not as it should be.
  bool Write(int64_t at, size_t dimension = 0) {
    if (shape_.size() != strides_.size() || shape_.size() > kMaxDimensions) return false;
    if (dimension == shape_.size()) return WriteItem(at);
    Append("[");
    for (int64_t i = 0; i < shape_[dimension] && left_ > 0; ++i) {
      if (i > 0) Append(", ");
      // Wrapping: where it leads is checked when the item is read.
      const auto step = static_cast<uint64_t>(i) * static_cast<uint64_t>(strides_[dimension]);
      if (!Write(static_cast<int64_t>(static_cast<uint64_t>(at) + step), dimension + 1)) return false;
    }
    Append("]");
    return true;
  }

  std::string Take() { return std::move(text_); }

 private:
  bool WriteItem(int64_t at) {
    if (at < 0 || size_ <= 0 || size_ > static_cast<int64_t>(memory_.size()) - at) return false;
    std::string item(memory_.substr(static_cast<size_t>(at), static_cast<size_t>(size_)));
    char kind = kind_;
    if (is_bfloat_ && size_ == 2) {
      // It is the upper half of a float.
      item.insert(0, 2, '\0');
      kind = 'f';
    }
    const auto text = ArrayItemText(snapshot_, item, kind, /*swapped=*/false, "");
    if (text.has_value()) Append(*text);
    return text.has_value();
  }
  void Append(std::string_view text) {
    text_ += text;
    left_ -= std::min(left_, text.size());
  }

  const LoadedSnapshot& snapshot_;
  const std::string_view memory_;
  const std::vector<int64_t> shape_;
  const std::vector<int64_t> strides_;
  const bool is_bfloat_;
  const int64_t size_;
  char kind_ = 0;
  size_t left_;
  std::string text_;
};

// What the items lie in; nothing where it is not there.
std::optional<std::string_view> MemoryOf(const LoadedSnapshot& snapshot, const Object& tensor) {
  const Object* holder = &tensor;
  for (int i = 0; i < kMaxHolders && holder != nullptr; ++i) {
    const PartsOf parts(snapshot, *holder);
    if (const auto data = parts.Bytes("data")) return data;
    holder = snapshot.object(parts.Id("base"));
  }
  return std::nullopt;
}

ReprPieces TensorRepr(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  const PartsOf parts(snapshot, object);
  const auto shape = parts.Sizes("shape");
  const auto dtype = parts.Bytes("dtype");
  const auto offset = parts.Int("offset");
  if (!shape.has_value() || !dtype.has_value() || !offset.has_value()) return std::nullopt;
  std::string text = absl::StrCat("<", TypeNameOf(snapshot, object), " ");
  if (!shape->empty()) absl::StrAppend(&text, absl::StrJoin(*shape, "x"), " ");
  absl::StrAppend(&text, std::string(*dtype), " ");
  const std::string device(parts.Bytes("device").value_or("cpu"));
  if (device != "cpu") absl::StrAppend(&text, device, " ");
  if (parts.Int("requires_grad").value_or(0) != 0) absl::StrAppend(&text, "requires_grad ");
  const auto memory = MemoryOf(snapshot, object);
  if (object.has_absent() || !memory.has_value()) {
    const std::string why = object.has_absent() ? AbsentText(object.absent()) : "that it shares is absent";
    return OnlyText(absl::StrCat(text, "<the memory ", why, ">>"));
  }
  ItemWriter writer(snapshot, *memory, parts, max_characters);
  if (!writer.Write(*offset)) return std::nullopt;
  return OnlyText(absl::StrCat(text, writer.Take(), ">"));
}

// torch/csrc/Device.cpp
ReprPieces DeviceRepr(const LoadedSnapshot& snapshot, const Object& object) {
  const PartsOf parts(snapshot, object);
  const auto type = parts.Bytes("type");
  if (!type.has_value()) return std::nullopt;
  const auto index = parts.Int("index");
  return OnlyText(absl::StrCat("device(type='", std::string(*type), "'",
                               index.has_value() ? absl::StrCat(", index=", *index) : "", ")"));
}

}  // namespace

ReprPieces TorchRepr(const LoadedSnapshot& snapshot, const Object& object, size_t max_characters) {
  if (!object.has_parts()) return std::nullopt;
  if (IsInstance(snapshot, object, "torch", "Tensor")) return TensorRepr(snapshot, object, max_characters);
  if (object.has_absent()) return std::nullopt;
  if (IsInstance(snapshot, object, "torch", "device")) return DeviceRepr(snapshot, object);
  for (const std::string_view named : {"dtype", "layout", "memory_format"}) {
    const auto name = PartsOf(snapshot, object).Bytes("name");
    if (name.has_value() && IsInstance(snapshot, object, "torch", named)) {
      return OnlyText(absl::StrCat("torch.", std::string(*name)));
    }
  }
  return std::nullopt;
}

}  // namespace pysnap::format
