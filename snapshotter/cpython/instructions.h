// Bytecode as a list of instructions.
#ifndef PYSNAP_CPYTHON_INSTRUCTIONS_H_
#define PYSNAP_CPYTHON_INSTRUCTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "snapshotter/cpython/behaviours/opcodes.h"

namespace pysnap {

struct Instruction {
  int32_t offset = 0;  // bytes; behind the EXTENDED_ARGs that belong to it
  uint8_t opcode = 0;
  uint32_t argument = 0;  // whole
};

// Those of `bytecode`, as CodeInfo has it, without inline caches.
std::vector<Instruction> ListInstructions(const std::string& bytecode, const OpcodeNumbers& numbers);

// The place in the list of the instruction that the byte at `offset` belongs to; nothing before the first one.
std::optional<size_t> FindInstruction(const std::vector<Instruction>& instructions, int32_t offset);

}  // namespace pysnap

#endif  // PYSNAP_CPYTHON_INSTRUCTIONS_H_
