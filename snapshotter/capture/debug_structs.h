// The structs of extension types, from the debug information of the extensions.
//
//   DebugStructs structs;
//   … walk the target with `structs` and touch_only …
//   structs.Resolve(*target, runtime.py_runtime);
//   … record with `structs` …
#ifndef PYSNAP_CAPTURE_DEBUG_STRUCTS_H_
#define PYSNAP_CAPTURE_DEBUG_STRUCTS_H_

#include <cstdint>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "snapshotter/base/address.h"
#include "snapshotter/objects/struct_source.h"
#include "snapshotter/process/target.h"

namespace pysnap {

class DebugStructs : public StructSource {
 public:
  void Note(Address type, int64_t basic_size, std::vector<Address> functions) override;
  const std::vector<TypeMember>* Find(Address type) const override;

  // Looks for those that were noted, in a process of its own: debug information may be hostile. The target may run
  // meanwhile; when it has ended, nothing is found. The module at `interpreter` is left out: what its types hold is
  // known, or matters less than the time that its debug information takes to read.
  void Resolve(Target& target, Address interpreter);

 private:
  struct Wanted {
    Address type;
    int64_t basic_size = 0;
    std::vector<Address> functions;
  };
  std::vector<Wanted> wanted_;
  absl::node_hash_map<Address, std::vector<TypeMember>> known_;  // without any: nothing was found
};

}  // namespace pysnap

#endif  // PYSNAP_CAPTURE_DEBUG_STRUCTS_H_
