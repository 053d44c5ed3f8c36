// What with statements look like in bytecode. Real code of every version is in tests/integration/test_contexts.py; here
// is what no compiler makes.
#include "snapshotter/cpython/with_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

using ::testing::IsEmpty;

TEST(ExceptionTableTest, Numbers) {
  // Begin 2, size 65 (two groups), handler 5, depth 3 with the flag for lasti.
  const std::string table("\x82\x41\x01\x05\x07", 5);
  const std::vector<ExceptionRange> ranges = ParseExceptionTable(table);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].begin, 4);
  EXPECT_EQ(ranges[0].end, 4 + 2 * 65);
  EXPECT_EQ(ranges[0].handler, 10);
  EXPECT_EQ(ranges[0].depth, 3);
  EXPECT_EQ(FindRange(ranges, 4), &ranges[0]);
  EXPECT_EQ(FindRange(ranges, 3), nullptr);
  EXPECT_EQ(FindRange(ranges, 4 + 2 * 65), nullptr);
}

TEST(ExceptionTableTest, CutOff) {
  const std::string table("\x82\x41\x01\x05\x07\x82\x41", 7);
  for (size_t size = 0; size < 5; ++size) EXPECT_THAT(ParseExceptionTable(table.substr(0, size)), IsEmpty()) << size;
  EXPECT_EQ(ParseExceptionTable(table).size(), 1u);
  EXPECT_THAT(ParseExceptionTable(std::string(100, '\x7f')), IsEmpty());
}

class WithBlocksTest : public ::testing::TestWithParam<const VersionSupport*> {
 protected:
  const VersionSupport& version = *GetParam();
  const OpcodeNumbers& numbers = *GetParam()->opcode_numbers;
  CodeInfo code;
  const TargetTexts texts = {.name = [](Address str) { return std::optional("name" + std::to_string(str.value())); },
                             .constant = [](Address) { return std::optional<std::string>("1"); }};

  void Emit(int opcode, int argument = 0) {
    code.bytecode.push_back(static_cast<char>(opcode));
    code.bytecode.push_back(static_cast<char>(argument));
  }
};
INSTANTIATE_TEST_SUITE_P(Versions,
                         WithBlocksTest,
                         ::testing::ValuesIn(AllVersionSupports().begin(), AllVersionSupports().end()),
                         [](const auto& info) { return "v3_" + std::to_string(info.param->minor); });

TEST_P(WithBlocksTest, LongArguments) {
  Emit(numbers.EXTENDED_ARG, 1);
  Emit(numbers.EXTENDED_ARG, 2);
  Emit(numbers.LOAD_CONST, 3);
  Emit(numbers.POP_TOP);
  const std::vector<Instruction> instructions = ListInstructions(code.bytecode, numbers);
  ASSERT_EQ(instructions.size(), 2u);
  EXPECT_EQ(instructions[0].offset, 4);
  EXPECT_EQ(instructions[0].argument, 0x010203u);
  EXPECT_EQ(instructions[1].argument, 0u);
  EXPECT_EQ(FindInstruction(instructions, 3), std::nullopt);
  EXPECT_EQ(FindInstruction(instructions, 5), 0u);
  EXPECT_EQ(FindInstruction(instructions, 1000), 1u);
}

TEST_P(WithBlocksTest, Targets) {
  for (uint64_t i = 0; i < 4; ++i) {
    code.names.emplace_back(i);
    code.variables.emplace_back(10 + i);
    code.constants.emplace_back(20 + i);
  }
  const auto target = [&] {
    const std::vector<Instruction> instructions = ListInstructions(code.bytecode, numbers);
    code.bytecode.clear();
    return ReadAssignmentTarget(version, code, instructions, 0, texts);
  };
  Emit(numbers.UNPACK_EX, 1);
  Emit(numbers.STORE_NAME, 1);
  Emit(numbers.UNPACK_SEQUENCE, 2);
  Emit(numbers.LOAD_FAST, 0);
  Emit(numbers.LOAD_CONST, 0);
  Emit(numbers.STORE_SUBSCR);
  Emit(numbers.LOAD_GLOBAL, 2 << version.load_global_shift);
  Emit(numbers.STORE_ATTR, 3);
  EXPECT_EQ(target(), "(name1, *(name10[1], name2.name3))");

  Emit(numbers.POP_TOP);
  EXPECT_EQ(target(), std::nullopt);
  // A stack that does not fit, names that are not there, tuples that are never full.
  Emit(numbers.STORE_ATTR, 1);
  EXPECT_EQ(target(), std::nullopt);
  Emit(numbers.LOAD_FAST, 0);
  Emit(numbers.STORE_FAST, 0);
  EXPECT_EQ(target(), std::nullopt);
  Emit(numbers.STORE_FAST, 200);
  EXPECT_EQ(target(), std::nullopt);
  for (int i = 0; i < 500; ++i) Emit(numbers.UNPACK_SEQUENCE, 255);
  EXPECT_EQ(target(), std::nullopt);
}

TEST_P(WithBlocksTest, AnyBytes) {
  std::mt19937 random(1);  // NOLINT: the same bytes each time
  const auto opcodes = [&] {
    std::vector<int> known;
#define PYSNAP_OPCODE(name) \
  if (numbers.name >= 0) known.push_back(numbers.name);
#include "snapshotter/cpython/behaviours/opcode_names.def"
#undef PYSNAP_OPCODE
    return known;
  }();
  code.variables.resize(4);
  code.names.resize(4);
  code.constants.resize(4);
  size_t blocks = 0;
  for (int round = 0; round < 2000; ++round) {
    code.bytecode.clear();
    const size_t length = random() % 60;
    for (size_t i = 0; i < length; ++i) Emit(opcodes[random() % opcodes.size()], static_cast<int>(random() % 8));
    code.exception_table.clear();
    for (size_t i = 0; i < random() % 40; ++i) code.exception_table.push_back(static_cast<char>(random() % 64));
    const WithBlocks with = FindWithBlocks(version, code, texts);
    blocks += with.blocks.size();
    for (int32_t lasti = -2; lasti < static_cast<int32_t>(code.bytecode.size()) + 4; ++lasti) {
      const std::optional<Exit> exit = FindExit(version, with, lasti);
      if (exit.has_value() && exit->kind == Exit::Kind::kException) {
        EXPECT_NE(exit->block, nullptr);
      }
    }
  }
  if (numbers.SETUP_WITH >= 0) {
    EXPECT_GT(blocks, 0u);
  }
}

}  // namespace
}  // namespace pysnap
