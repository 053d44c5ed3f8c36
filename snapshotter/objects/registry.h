// The decoders: one entry for each builtin or standard-library type whose values are recorded.
//
// To add a type: write its decoder in decoders/, declare it in decoders/decoders.h and add a line to kEntries in
// registry.cc. docs/adding-a-type.md goes through it step by step.
#ifndef PYSNAP_OBJECTS_REGISTRY_H_
#define PYSNAP_OBJECTS_REGISTRY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/layout.h"

namespace pysnap {

class Crawl;
struct TypeInfo;

// Fills in the value of the object at `object`, whose type extends the one the decoder is registered for. On an error
// what was filled in stays and must be right; the error becomes the object's Absent. With crawl.touch_only() it refers
// to the same objects in the same order and reads what it would read, but need not fill in anything.
using DecodeFn = absl::Status (*)(Crawl& crawl, Address object, const TypeInfo& type, proto::Object& out);

enum DecoderTraits : uint32_t {
  kTraitNone = 0,
  kTraitText = 1 << 0,             // str, bytes, bytearray: secret contents are given away under no name
  kTraitNeverRedacted = 1 << 1,    // cannot be a secret
  kTraitOwnsDict = 1 << 2,         // its __dict__ is part of what the decoder records
  kTraitPlain = 1 << 3,            // has no value of its own: members of subclasses and its own are all there is
  kTraitHolder = 1 << 4,           // a cell: it can be secret what it holds
  kTraitKnowsExtensions = 1 << 5,  // it reads what static types add that extend the type, too
};

struct DecoderEntry {
  // Exported symbol of the type object, or null.
  const char* symbol = nullptr;
  // tp_name, for types without a symbol (or in builds that do not export it): static ones, and heap types that C made.
  const char* tp_name = nullptr;
  DecodeFn decode = nullptr;
  uint32_t traits = kTraitNone;
  // The struct's size, which a type found by name must have. Null: any.
  Offset (*struct_size)(const Layout& layout) = nullptr;
};

absl::Span<const DecoderEntry> DecoderEntries();

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_REGISTRY_H_
