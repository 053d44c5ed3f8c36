// str, bytes, bytearray.
#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "snapshotter/cpython/text.h"
#include "snapshotter/objects/decoders/decoders.h"
#include "snapshotter/objects/redaction.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 47;
constexpr uint64_t kChunkBytes = 64 * 1024;

// Piece by piece, so that no more is allocated than there is memory in the target. On an error `bytes` are those before
// it.
absl::Status ReadBytes(Crawl& crawl, Address begin, uint64_t size, std::string& bytes) {
  absl::Status status;
  for (uint64_t done = 0; done < size && status.ok();) {
    const uint64_t count = std::min(size - done, kChunkBytes);
    bytes.resize(done + count);
    status = crawl.memory().Read(begin + static_cast<int64_t>(done),
                                 absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()) + done, count));
    if (!status.ok()) bytes.resize(done);
    done += count;
  }
  return status;
}

absl::Status DecodeByteString(Crawl& crawl, Address begin, uint64_t size, proto::Object& out) {
  if (size > kMaxSize) return absl::DataLossError(absl::StrFormat("%d bytes", size));
  const Crawl::Grant granted = crawl.GrantContents(size);
  const Address tail = begin + static_cast<int64_t>(size - granted.tail);
  if (granted.head < size) crawl.MarkCut(out, size);
  if (crawl.touch_only()) {
    crawl.Touch(begin, granted.head);
    crawl.Touch(tail, granted.tail);
    return absl::OkStatus();
  }
  absl::Status status = ReadBytes(crawl, begin, granted.head, *out.mutable_bytes_value());
  if (status.ok() && granted.tail > 0) status = ReadBytes(crawl, tail, granted.tail, *out.mutable_tail());
  if (!status.ok()) out.set_length(size);
  if (crawl.IsSecretText(out.bytes_value()) || crawl.IsSecretText(out.tail())) crawl.RedactText(out);
  return status;
}

}  // namespace

absl::Status DecodeStr(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  ASSIGN_OR_RETURN(const TextShape shape, ReadTextShape(crawl.runtime(), crawl.memory(), object));
  const Crawl::Grant granted = crawl.GrantContents(shape.byte_size());
  TextShape tail = shape;
  tail.length = granted.tail / shape.kind;
  tail.characters = shape.characters + static_cast<int64_t>((shape.length - tail.length) * shape.kind);
  if (granted.head < shape.byte_size()) crawl.MarkCut(out, shape.length);
  if (crawl.touch_only()) {
    crawl.Touch(shape.characters, granted.head);
    crawl.Touch(tail.characters, granted.tail);
    return absl::OkStatus();
  }
  absl::Status status = ReadCharacters(crawl.memory(), shape, granted.head / shape.kind, *out.mutable_str());
  if (status.ok() && tail.length > 0) {
    status = ReadCharacters(crawl.memory(), tail, tail.length, *out.mutable_tail());
  }
  if (!status.ok()) out.set_length(shape.length);
  // A word that stands in code is found in texts for other reasons.
  if (shape.interned && IsBareWord(out.str())) return status;
  if (crawl.IsSecretText(out.str()) || crawl.IsSecretText(out.tail())) crawl.RedactText(out);
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
