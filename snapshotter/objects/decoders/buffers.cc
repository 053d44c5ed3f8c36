// What is a view of bytes that something else holds, or holds bytes itself.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr int32_t kReleased = 0x001;    // _Py_MEMORYVIEW_RELEASED, Include/memoryobject.h
constexpr int32_t kMaxDimensions = 64;  // PyBUF_MAX_NDIM, Include/cpython/object.h
constexpr size_t kMaxFormat = 4096;
constexpr int64_t kMaxBytes = int64_t{1} << 48;
constexpr uint64_t kMaxSearched = uint64_t{64} << 20;  // characters in which secrets are looked for

// One Py_buffer.
struct View {
  Address buffer;
  int64_t item_size = 0;
  int64_t items = 0;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

absl::StatusOr<View> ReadView(Crawl& crawl, Address object) {
  const auto& layout = crawl.layout().PyMemoryViewObject;
  Memory& memory = crawl.memory();
  View view;
  ASSIGN_OR_RETURN(view.buffer, memory.ReadPointer(object + layout.view_buf));
  ASSIGN_OR_RETURN(view.item_size, memory.ReadValue<int64_t>(object + layout.view_itemsize));
  ASSIGN_OR_RETURN(const int32_t dimensions, memory.ReadValue<int32_t>(object + layout.view_ndim));
  if (dimensions < 0 || dimensions > kMaxDimensions) {
    return absl::DataLossError(absl::StrFormat("a view of %d dimensions", dimensions));
  }
  ASSIGN_OR_RETURN(const Address suboffsets, memory.ReadPointer(object + layout.view_suboffsets));
  if (!suboffsets.is_null()) return absl::UnimplementedError("a view of arrays of pointers");
  if (dimensions > 0) {
    ASSIGN_OR_RETURN(const Address shape, memory.ReadPointer(object + layout.view_shape));
    ASSIGN_OR_RETURN(const Address strides, memory.ReadPointer(object + layout.view_strides));
    RETURN_IF_ERROR(memory.ReadArray(shape, static_cast<size_t>(dimensions), view.shape));
    RETURN_IF_ERROR(memory.ReadArray(strides, static_cast<size_t>(dimensions), view.strides));
  }
  view.items = 1;
  for (const int64_t length : view.shape) {
    if (length < 0 || __builtin_mul_overflow(view.items, length, &view.items)) {
      return absl::DataLossError("its shape is impossible");
    }
  }
  int64_t size = 0;
  ASSIGN_OR_RETURN(const int64_t length, memory.ReadValue<int64_t>(object + layout.view_len));
  if (view.item_size < 1 || __builtin_mul_overflow(view.items, view.item_size, &size) || size != length ||
      size > kMaxBytes) {
    return absl::DataLossError("its shape and its length contradict each other");
  }
  return view;
}

// Calls `visit(address, size)` for runs of bytes in the order of the items, until there were `limit` bytes, which are
// whole items, or `visit` fails.
template <typename Visit>
absl::Status VisitRuns(const View& view, int64_t limit, const Visit& visit) {
  // The innermost dimensions without gaps are one run.
  size_t outer = view.shape.size();
  int64_t run = view.item_size;
  while (outer > 0 && (view.strides[outer - 1] == run || view.shape[outer - 1] == 1)) run *= view.shape[--outer];
  std::vector<int64_t> index(outer, 0);
  for (int64_t done = 0; done < limit;) {
    Address at = view.buffer;
    for (size_t i = 0; i < outer; ++i) {
      at = Address(at.value() + static_cast<uint64_t>(index[i]) * static_cast<uint64_t>(view.strides[i]));
    }
    const int64_t size = std::min(run, limit - done);
    RETURN_IF_ERROR(visit(at, static_cast<uint64_t>(size)));
    done += size;
    for (size_t i = outer; i-- > 0;) {
      if (++index[i] < view.shape[i]) break;
      index[i] = 0;
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Parts: `obj`, what it is a view of; the format as in the struct module, the size of an item, the shape (int64 each),
// and the items one after the other, wherever they lie. A view that was released has only `released`.
absl::Status DecodeMemoryView(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyMemoryViewObject;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const int32_t flags, memory.ReadValue<int32_t>(object + layout.flags));
  if ((flags & kReleased) != 0) {
    AddIntPart(crawl, "released", 1, out);
    return absl::OkStatus();
  }
  out.mutable_parts();
  RETURN_IF_ERROR(AddPart(crawl, "obj", object, layout.view_obj, out));
  ASSIGN_OR_RETURN(const View view, ReadView(crawl, object));
  ASSIGN_OR_RETURN(const int32_t read_only, memory.ReadValue<int32_t>(object + layout.view_readonly));
  // Null stands for "B" (PEP 3118).
  ASSIGN_OR_RETURN(const Address format, memory.ReadPointer(object + layout.view_format));
  std::string text = "B";
  if (!format.is_null()) {
    ASSIGN_OR_RETURN(text, memory.ReadCString(format, kMaxFormat));
  }
  const uint64_t size = static_cast<uint64_t>(view.items * view.item_size);
  uint64_t granted = crawl.GrantContents(size).head;
  granted -= granted % static_cast<uint64_t>(view.item_size);
  if (granted < size) crawl.MarkCut(out, static_cast<uint64_t>(view.items));
  if (crawl.touch_only()) {
    return VisitRuns(view, static_cast<int64_t>(granted), [&](Address at, uint64_t length) {
      crawl.Touch(at, length);
      return absl::OkStatus();
    });
  }
  AddBytesPart(crawl, "format", text, out);
  AddIntPart(crawl, "itemsize", view.item_size, out);
  AddIntPart(crawl, "readonly", read_only != 0 ? 1 : 0, out);
  AddSizesPart(crawl, "shape", view.shape, out);
  std::string items;
  std::string run;
  RETURN_IF_ERROR(VisitRuns(view, static_cast<int64_t>(granted), [&](Address at, uint64_t length) -> absl::Status {
    RETURN_IF_ERROR(memory.ReadArray(at, length, run));
    items += run;
    return absl::OkStatus();
  }));
  if (crawl.IsSecretText(items)) {
    crawl.RedactText(out);
    return absl::OkStatus();
  }
  AddBytesPart(crawl, "items", items, out);
  return absl::OkStatus();
}

// io.BytesIO (Modules/_io/bytesio.c). Parts: the contents and the position, or only `closed`.
absl::Status DecodeBytesIo(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().bytesio;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const Address buffer, memory.ReadPointer(object + layout.buf));
  if (buffer.is_null()) {
    AddIntPart(crawl, "closed", 1, out);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const int64_t position, memory.ReadValue<int64_t>(object + layout.pos));
  ASSIGN_OR_RETURN(const uint64_t size, memory.ReadValue<uint64_t>(object + layout.string_size));
  // The bytes object may be larger than what is in it.
  ASSIGN_OR_RETURN(const uint64_t capacity, memory.ReadValue<uint64_t>(buffer + crawl.layout().PyVarObject.ob_size));
  if (size > capacity || capacity > static_cast<uint64_t>(kMaxBytes)) {
    return absl::DataLossError(absl::StrFormat("%d bytes in a buffer of %d", size, capacity));
  }
  AddIntPart(crawl, "position", position, out);
  return AddMemoryPart(crawl, "contents", buffer + crawl.layout().PyBytesObject.ob_sval, size, 1, out);
}

// io.StringIO (Modules/_io/stringio.c). Parts: `contents`, characters of `width` bytes each, or, up to 3.11 while it is
// only written, the lists of strs `large` and `small`; the position, and how it treats ends of lines; or only `closed`.
absl::Status DecodeStringIo(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().stringio;
  Memory& memory = crawl.memory();
  out.mutable_parts();
  ASSIGN_OR_RETURN(const uint8_t ok, memory.ReadValue<uint8_t>(object + layout.ok));
  ASSIGN_OR_RETURN(const uint8_t closed, memory.ReadValue<uint8_t>(object + layout.closed));
  if (ok == 0 || closed != 0) {
    AddIntPart(crawl, "closed", 1, out);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const uint8_t universal, memory.ReadValue<uint8_t>(object + layout.readuniversal));
  ASSIGN_OR_RETURN(const uint8_t translate, memory.ReadValue<uint8_t>(object + layout.readtranslate));
  AddIntPart(crawl, "universal", universal, out);
  AddIntPart(crawl, "translate", translate, out);
  RETURN_IF_ERROR(AddPart(crawl, "newline", object, layout.readnl, out));
  RETURN_IF_ERROR(AddNumbers(crawl, object, {{"position", layout.pos}}, out));
  constexpr int32_t kAccumulating = 2;  // STATE_ACCUMULATING
  ASSIGN_OR_RETURN(const int32_t state, memory.ReadValue<int32_t>(object + layout.state));
  int32_t width = 4;
  Address characters;
  int64_t length = 0;
  if (state != kAccumulating) {
    ASSIGN_OR_RETURN(characters, memory.ReadPointer(object + layout.buf));
    ASSIGN_OR_RETURN(length, memory.ReadValue<int64_t>(object + layout.string_size));
  } else if (layout.accu != kNoOffset) {
    const auto& accumulator = crawl.layout()._PyAccu;
    return DecodeParts(crawl, object + layout.accu, {{"large", accumulator.large}, {"small", accumulator.small}}, out);
  } else {
    const auto& writer_layout = crawl.layout()._PyUnicodeWriter;
    // From 3.14 on it is elsewhere.
    Address writer = object + layout.writer;
    if (layout.ok - layout.writer < writer_layout.size_) {
      ASSIGN_OR_RETURN(writer, memory.ReadPointer(writer));
    }
    ASSIGN_OR_RETURN(width, memory.ReadValue<int32_t>(writer + writer_layout.kind));
    ASSIGN_OR_RETURN(length, memory.ReadValue<int64_t>(writer + writer_layout.pos));
    ASSIGN_OR_RETURN(characters, memory.ReadPointer(writer + writer_layout.data));
    if (length == 0) width = 1;
  }
  if ((width != 1 && width != 2 && width != 4) || length < 0 || length > kMaxBytes / width) {
    return absl::DataLossError(absl::StrFormat("%d characters of %d bytes", length, width));
  }
  AddIntPart(crawl, "width", width, out);
  if (width > 1 && !crawl.touch_only()) {
    const TextShape shape = {
        .length = static_cast<uint64_t>(length), .kind = static_cast<uint32_t>(width), .characters = characters};
    std::string text;
    if (ReadCharacters(memory, shape, std::min(shape.length, kMaxSearched), text).ok() && crawl.IsSecretText(text)) {
      crawl.RedactText(out);
      return absl::OkStatus();
    }
  }
  return AddMemoryPart(crawl, "contents", characters, static_cast<uint64_t>(length), static_cast<uint64_t>(width), out);
}

}  // namespace pysnap
