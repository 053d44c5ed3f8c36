// Objects without a value of their own, and the singletons.
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

absl::Status Singleton(
    Crawl& crawl, Address object, const char* symbol, proto::Singleton singleton, proto::Object& out) {
  // Where the symbol is not exported the type alone must do: there is one instance.
  const Address only = crawl.runtime().Symbol(symbol);
  if (only && only != object) return absl::DataLossError("another instance of a singleton");
  out.set_singleton(singleton);
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodePlain(Crawl&, Address, const TypeInfo&, proto::Object&) { return absl::OkStatus(); }

absl::Status DecodeNone(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return Singleton(crawl, object, "_Py_NoneStruct", proto::NONE, out);
}

absl::Status DecodeEllipsis(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return Singleton(crawl, object, "_Py_EllipsisObject", proto::ELLIPSIS, out);
}

absl::Status DecodeNotImplemented(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return Singleton(crawl, object, "_Py_NotImplementedStruct", proto::NOT_IMPLEMENTED, out);
}

}  // namespace pysnap
