// str, bytes, bytearray.
#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 47;
constexpr uint64_t kChunkBytes = 64 * 1024;

absl::Status DecodeByteString(Crawl& crawl, Address begin, uint64_t size, proto::Object& out) {
  if (size > kMaxSize) return absl::DataLossError(absl::StrFormat("%d bytes", size));
  const uint64_t granted = crawl.GrantBytes(size);
  if (granted < size) crawl.MarkCut(out, size);
  if (crawl.touch_only()) {
    crawl.Touch(begin, granted);
    return absl::OkStatus();
  }
  std::string& bytes = *out.mutable_bytes_value();
  absl::Status status;
  // Piece by piece, so that no more is allocated than there is memory in the target.
  for (uint64_t done = 0; done < granted && status.ok();) {
    const uint64_t count = std::min(granted - done, kChunkBytes);
    bytes.resize(done + count);
    status = crawl.memory().Read(begin + static_cast<int64_t>(done),
                                 absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()) + done, count));
    if (status.ok()) {
      done += count;
    } else {
      bytes.resize(done);
      out.set_length(size);
    }
  }
  if (crawl.IsSecretText(bytes)) crawl.RedactText(out);
  return status;
}

}  // namespace

absl::Status DecodeStr(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const TextShape shape, ReadTextShape(crawl.runtime(), crawl.memory(), object));
  const uint64_t granted = crawl.GrantBytes(shape.byte_size());
  if (granted < shape.byte_size()) crawl.MarkCut(out, shape.length);
  if (crawl.touch_only()) {
    crawl.Touch(shape.characters, granted);
    return absl::OkStatus();
  }
  std::string& text = *out.mutable_str();
  const absl::Status status = ReadCharacters(crawl.memory(), shape, granted / shape.kind, text);
  if (!status.ok()) out.set_length(shape.length);
  if (crawl.IsSecretText(text)) crawl.RedactText(out);
  return status;
}

absl::Status DecodeBytes(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const uint64_t size,
                   crawl.memory().ReadValue<uint64_t>(object + crawl.layout().PyVarObject.ob_size));
  return DecodeByteString(crawl, object + crawl.layout().PyBytesObject.ob_sval, size, out);
}

absl::Status DecodeByteArray(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const uint64_t size,
                   crawl.memory().ReadValue<uint64_t>(object + crawl.layout().PyVarObject.ob_size));
  ASSIGN_OR_RETURN(const Address start, crawl.memory().ReadPointer(object + crawl.layout().PyByteArrayObject.ob_start));
  return DecodeByteString(crawl, start, start ? size : 0, out);
}

}  // namespace pysnap
