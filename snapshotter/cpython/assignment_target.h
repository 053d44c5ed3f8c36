// What a value is assigned to, as it is written in the source: "x", "self.files[name]", "(first, *rest)".
#ifndef PYSNAP_CPYTHON_ASSIGNMENT_TARGET_H_
#define PYSNAP_CPYTHON_ASSIGNMENT_TARGET_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "snapshotter/base/address.h"
#include "snapshotter/cpython/code_object.h"
#include "snapshotter/cpython/instructions.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {

// Of objects in the target; nothing for what cannot be read, or has no short text.
struct TargetTexts {
  std::function<std::optional<std::string>(Address str)> name;
  std::function<std::optional<std::string>(Address constant)> constant;  // as repr() writes it
};

// Of the value that is on top of the stack before instruction `first`. Nothing when it is assigned to nothing, or in a
// way that is more than names, attributes, subscripts with such, and unpacking.
std::optional<std::string> ReadAssignmentTarget(const VersionSupport& version,
                                                const CodeInfo& code,
                                                const std::vector<Instruction>& instructions,
                                                size_t first,
                                                const TargetTexts& texts);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_ASSIGNMENT_TARGET_H_
