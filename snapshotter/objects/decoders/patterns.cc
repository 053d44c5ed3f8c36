// Regular expressions (Modules/_sre.c; from 3.12 on Modules/_sre/sre.h).
#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {

absl::Status DecodePattern(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PatternObject;
  ASSIGN_OR_RETURN(const int32_t flags, crawl.memory().ReadValue<int32_t>(object + layout.flags));
  AddIntPart(crawl, "flags", flags, out);
  return AddPart(crawl, "pattern", object, layout.pattern, out);
}

// Part `marks`: for each group, the whole match being the first, where it begins and ends: int64, -1 when it took no
// part.
absl::Status DecodeMatch(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().MatchObject;
  Memory& memory = crawl.memory();
  // SRE_MAXGROUPS is larger; nobody has so many.
  constexpr int64_t kMaxGroups = 100'000;
  RETURN_IF_ERROR(AddNumbers(crawl, object,
                             {{"pos", layout.pos}, {"endpos", layout.endpos}, {"lastindex", layout.lastindex}}, out));
  ASSIGN_OR_RETURN(const int64_t groups, memory.ReadValue<int64_t>(object + layout.groups));
  if (groups < 1 || groups > kMaxGroups) return absl::DataLossError(absl::StrFormat("a match of %d groups", groups));
  const uint64_t size = static_cast<uint64_t>(groups) * 2 * sizeof(int64_t);
  if (crawl.touch_only()) {
    crawl.Touch(object + layout.mark, size);
  } else {
    std::string marks;
    RETURN_IF_ERROR(memory.ReadArray(object + layout.mark, size, marks));
    AddBytesPart(crawl, "marks", marks, out);
  }
  return DecodeParts(crawl, object, {{"re", layout.pattern}, {"string", layout.string}}, out);
}

}  // namespace pysnap
