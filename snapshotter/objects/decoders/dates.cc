// The types of the module datetime (Modules/_datetimemodule.c).
#include <array>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {
namespace {

struct Field {
  const char* name;
  int bytes;
  int64_t least;
  int64_t most;
};

constexpr Field kYear = {"year", 2, 1, 9999};
constexpr Field kMonth = {"month", 1, 1, 12};
constexpr Field kDay = {"day", 1, 1, 31};
constexpr Field kHour = {"hour", 1, 0, 23};
constexpr Field kMinute = {"minute", 1, 0, 59};
constexpr Field kSecond = {"second", 1, 0, 59};
constexpr Field kMicrosecond = {"microsecond", 3, 0, 999'999};

// `data` holds the fields one behind the other, big endian (Include/datetime.h).
template <size_t kFields>
absl::Status DecodeFields(Crawl& crawl, Address data, const std::array<Field, kFields>& fields, proto::Object& out) {
  for (const Field& field : fields) {
    int64_t value = 0;
    for (int i = 0; i < field.bytes; ++i) {
      ASSIGN_OR_RETURN(const uint8_t byte, crawl.memory().ReadValue<uint8_t>(data));
      value = value << 8 | byte;
      data = data + 1;
    }
    if (value < field.least || value > field.most) {
      return absl::DataLossError(absl::StrFormat("its %s is %d", field.name, value));
    }
    AddIntPart(crawl, field.name, value, out);
  }
  return absl::OkStatus();
}

// What datetime.time and datetime.datetime have in common.
template <typename Struct>
absl::Status DecodeZone(Crawl& crawl, Address object, const Struct& layout, proto::Object& out) {
  ASSIGN_OR_RETURN(const uint8_t fold, crawl.memory().ReadValue<uint8_t>(object + layout.fold));
  ASSIGN_OR_RETURN(const uint8_t has_zone, crawl.memory().ReadValue<uint8_t>(object + layout.hastzinfo));
  if (fold > 1) return absl::DataLossError(absl::StrFormat("its fold is %d", fold));
  AddIntPart(crawl, "fold", fold, out);
  return has_zone == 0 ? absl::OkStatus() : AddPart(crawl, "tzinfo", object, layout.tzinfo, out);
}

absl::Status DecodeNumber(Crawl& crawl, Address at, const char* name, int32_t least, int32_t most, proto::Object& out) {
  ASSIGN_OR_RETURN(const int32_t value, crawl.memory().ReadValue<int32_t>(at));
  if (value < least || value > most) return absl::DataLossError(absl::StrFormat("its %s is %d", name, value));
  AddIntPart(crawl, name, value, out);
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeTimeDelta(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyDateTime_Delta;
  RETURN_IF_ERROR(DecodeNumber(crawl, object + layout.days, "days", -999'999'999, 999'999'999, out));
  RETURN_IF_ERROR(DecodeNumber(crawl, object + layout.seconds, "seconds", 0, 24 * 3600 - 1, out));
  return DecodeNumber(crawl, object + layout.microseconds, "microseconds", 0, 999'999, out);
}

absl::Status DecodeDate(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeFields(crawl, object + crawl.layout().PyDateTime_Date.data, std::array{kYear, kMonth, kDay}, out);
}

absl::Status DecodeTime(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyDateTime_Time;
  RETURN_IF_ERROR(DecodeFields(crawl, object + layout.data, std::array{kHour, kMinute, kSecond, kMicrosecond}, out));
  return DecodeZone(crawl, object, layout, out);
}

absl::Status DecodeDateTime(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyDateTime_DateTime;
  RETURN_IF_ERROR(DecodeFields(crawl, object + layout.data,
                               std::array{kYear, kMonth, kDay, kHour, kMinute, kSecond, kMicrosecond}, out));
  return DecodeZone(crawl, object, layout, out);
}

absl::Status DecodeTimeZone(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyDateTime_TimeZone;
  RETURN_IF_ERROR(AddPart(crawl, "offset", object, layout.offset, out));
  return AddPart(crawl, "name", object, layout.name, out);
}

}  // namespace pysnap
