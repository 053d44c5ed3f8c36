// What can be told from machine code without a disassembler: little, but that for certain.
#ifndef PYSNAP_PROCESS_MACHINE_CODE_H_
#define PYSNAP_PROCESS_MACHINE_CODE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snapshotter/process/elf_image.h"

namespace pysnap {

// Whether the short function `caller` calls or jumps to `callee`, both of this image, directly or over a stub of the
// procedure linkage table. False is no more than that nothing of the kind was seen.
bool Calls(ElfImage& image, const ElfSymbol& caller, const ElfSymbol& callee);

// Where a short function jumps to with its last instruction, if it ends with a jump to a fixed place.
std::optional<uint64_t> TailCallOf(const ElfImage& image, const ElfSymbol& function);

// The instruction that makes this text the first argument of a call: an address of the image. NotFound unless the
// image has the text once, as a C string, and one such instruction.
absl::StatusOr<uint64_t> FindPassedText(const ElfImage& image, absl::string_view text);

}  // namespace pysnap

#endif  // PYSNAP_PROCESS_MACHINE_CODE_H_
