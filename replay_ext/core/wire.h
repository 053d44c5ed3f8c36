// Getters over protozero that refuse a field of the wrong wire type, which protozero itself would only assert.
#ifndef PYSNAP_REPLAY_WIRE_H_
#define PYSNAP_REPLAY_WIRE_H_

#include <cstdint>
#include <protozero/pbf_reader.hpp>

#include "replay_ext/core/messages.h"

namespace pysnap::replay::wire {

using Reader = protozero::pbf_reader;
using protozero::pbf_wire_type;

inline Reader Read(Bytes bytes) { return Reader(bytes.data(), bytes.size()); }

inline Bytes View(Reader& reader) {
  const protozero::data_view view = reader.get_view();
  return Bytes(view.data(), view.size());
}

// A getter that is given another wire type would assert: such a field is broken.
inline void Expect(const Reader& reader, pbf_wire_type type) {
  if (reader.wire_type() != type) throw protozero::invalid_tag_exception();
}

inline Bytes GetBytes(Reader& reader) {
  Expect(reader, pbf_wire_type::length_delimited);
  return View(reader);
}

inline uint32_t GetU32(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_uint32();
}

inline uint64_t GetU64(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_uint64();
}

inline int64_t GetI64(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_int64();
}

inline int32_t GetI32(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_int32();
}

inline int32_t GetS32(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_sint32();
}

inline int64_t GetS64(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_sint64();
}

inline bool GetBool(Reader& reader) {
  Expect(reader, pbf_wire_type::varint);
  return reader.get_bool();
}

inline double GetDouble(Reader& reader) {
  Expect(reader, pbf_wire_type::fixed64);
  return reader.get_double();
}

// Packed or not: a writer may do either.
template <typename Number>
inline void GetNumbers(Reader& reader, std::vector<Number>& numbers) {
  if (reader.wire_type() == pbf_wire_type::varint) {
    numbers.push_back(static_cast<Number>(reader.get_uint64()));
    return;
  }
  const Bytes packed = GetBytes(reader);
  numbers.reserve(numbers.size() + packed.size() / 4);
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at != end) numbers.push_back(static_cast<Number>(protozero::decode_varint(&at, end)));
}

inline Absent ReadAbsent(Bytes bytes) {
  Absent absent;
  absent.set = true;
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        absent.reason = GetU32(reader);
        break;
      case 2:
        absent.detail = GetBytes(reader);
        break;
      default:
        reader.skip();
    }
  }
  return absent;
}

inline Attribute ReadAttribute(Bytes bytes) {
  Attribute attribute;
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        attribute.name = GetU32(reader);
        break;
      case 2:
        attribute.value = GetU32(reader);
        break;
      default:
        reader.skip();
    }
  }
  return attribute;
}

// Messages that are nothing but ids: the fields by number, from 1.
template <size_t kCount>
inline void ReadIdFields(Bytes bytes, uint32_t* const (&fields)[kCount]) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    const uint32_t tag = reader.tag();
    if (tag >= 1 && tag <= kCount) {
      *fields[tag - 1] = GetU32(reader);
    } else {
      reader.skip();
    }
  }
}

}  // namespace pysnap::replay::wire

#endif  // PYSNAP_REPLAY_WIRE_H_
