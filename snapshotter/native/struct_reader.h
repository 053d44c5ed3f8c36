// The C structs of types, from the debug information of the modules that have them.
//
//   StructReader reader(*modules, *target);
//   std::optional<std::vector<CField>> fields = reader.FindBySelf(functions, basic_size);
//
// Decoded by libdw: see debug_information.h about what may be hostile.
#ifndef PYSNAP_NATIVE_STRUCT_READER_H_
#define PYSNAP_NATIVE_STRUCT_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "snapshotter/base/address.h"
#include "snapshotter/native/debug_information.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/process/target.h"

namespace pysnap {

struct CField {
  enum Kind : uint8_t {
    kSigned,    // of `size` bytes: 1, 2, 4 or 8
    kUnsigned,  // likewise; also where a pointer leads that is none to an object
    kBool,
    kFloat,   // 4 or 8
    kObject,  // a pointer to what begins as a PyObject does; may be null
    kBytes,   // whatever else: an array, a union
  };
  // Fields of a struct inside are named with dots: `range.begin`.
  std::string name;
  Kind kind = kBytes;
  int64_t offset = 0;
  int64_t size = 0;

  bool operator==(const CField&) const = default;
};

class StructReader {
 public:
  // Both outlive the reader.
  StructReader(const ModuleMap& modules, Target& target) : debug_(modules, target) {}

  // The fields, by offset, of the struct of `size` bytes that begins as a PyObject does, to which the first argument of
  // one of these functions points, or what it calls `self` (Cython: `p`). `functions` are addresses where some begin,
  // or of anything. Nothing when there is none, or more than one. Fields of bits are left out.
  std::optional<std::vector<CField>> FindBySelf(absl::Span<const Address> functions, int64_t size);

 private:
  DebugInformation debug_;
};

}  // namespace pysnap

#endif  // PYSNAP_NATIVE_STRUCT_READER_H_
