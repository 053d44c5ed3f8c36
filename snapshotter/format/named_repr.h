// repr() of objects that are told by their name and address: types, functions, modules, code …
#ifndef PYSNAP_FORMAT_NAMED_REPR_H_
#define PYSNAP_FORMAT_NAMED_REPR_H_

#include <optional>
#include <string>

#include "snapshotter/format/loaded_snapshot.h"

namespace pysnap::format {

// Nothing for an object whose repr() has those of other objects inside.
std::optional<std::string> NamedRepr(const LoadedSnapshot& snapshot, const proto::Object& object);

// As object.__repr__() writes any object: "<module.Class object at 0x7f12>".
std::string GenericRepr(const LoadedSnapshot& snapshot, const proto::Object& object);

// The qualified name of a Python function.
std::string FunctionName(const LoadedSnapshot& snapshot, const proto::Object& function);

}  // namespace pysnap::format

#endif  // PYSNAP_FORMAT_NAMED_REPR_H_
