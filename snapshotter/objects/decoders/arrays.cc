// array.array (Modules/arraymodule.c).
#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

// struct arraydescr begins with the type code, a char, and the size of an item, an int.
constexpr int64_t kItemSize = 4;

// The type codes and their sizes on 64-bit Linux; 'w' came with 3.13.
constexpr absl::string_view kTypeCodes = "bBuhHiIlLqQfdw";
constexpr int32_t kSizes[] = {1, 1, 4, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8, 4};

}  // namespace

// Parts: the type code, the size of an item, and the items as they are in memory.
absl::Status DecodeArray(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().arrayobject;
  Memory& memory = crawl.memory();
  ASSIGN_OR_RETURN(const int64_t count, memory.ReadValue<int64_t>(object + crawl.layout().PyVarObject.ob_size));
  ASSIGN_OR_RETURN(const Address items, memory.ReadPointer(object + layout.ob_item));
  ASSIGN_OR_RETURN(const Address description, memory.ReadPointer(object + layout.ob_descr));
  ASSIGN_OR_RETURN(const char code, memory.ReadValue<char>(description));
  ASSIGN_OR_RETURN(const int32_t item_size, memory.ReadValue<int32_t>(description + kItemSize));
  const size_t known = kTypeCodes.find(code);
  if (known == absl::string_view::npos || item_size != kSizes[known]) {
    return absl::DataLossError(absl::StrFormat("items of %d bytes of the type %#x", item_size, code));
  }
  constexpr int64_t kMaxCount = int64_t{1} << 48;
  if (count < 0 || count > kMaxCount) return absl::DataLossError(absl::StrFormat("an array of %d items", count));
  AddBytesPart(crawl, "typecode", absl::string_view(&code, 1), out);
  AddIntPart(crawl, "itemsize", item_size, out);
  return AddMemoryPart(crawl, "items", items, static_cast<uint64_t>(count), static_cast<uint64_t>(item_size), out);
}

}  // namespace pysnap
