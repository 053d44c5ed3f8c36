#include "snapshotter/cpython/instructions.h"

#include <algorithm>

namespace pysnap {

std::vector<Instruction> ListInstructions(const std::string& bytecode, const OpcodeNumbers& numbers) {
  std::vector<Instruction> instructions;
  instructions.reserve(bytecode.size() / 2);
  uint32_t extended = 0;
  for (size_t i = 0; i + 1 < bytecode.size(); i += 2) {
    const auto opcode = static_cast<uint8_t>(bytecode[i]);
    const uint32_t argument = extended << 8 | static_cast<uint8_t>(bytecode[i + 1]);
    // Up to 3.10 no opcode has this number, from then on it is that of an inline cache.
    if (opcode == 0) continue;
    if (opcode == numbers.EXTENDED_ARG) {
      extended = argument;
      continue;
    }
    extended = 0;
    instructions.push_back({static_cast<int32_t>(i), opcode, argument});
  }
  return instructions;
}

std::optional<size_t> FindInstruction(const std::vector<Instruction>& instructions, int32_t offset) {
  const auto after =
      std::upper_bound(instructions.begin(), instructions.end(), offset,
                       [](int32_t value, const Instruction& instruction) { return value < instruction.offset; });
  if (after == instructions.begin()) return std::nullopt;
  return static_cast<size_t>(after - instructions.begin()) - 1;
}

}  // namespace pysnap
