// The height of stacks in bytecode. Real code of every version is in tests/replay/test_resume.py; here is what a few
// instructions come to, and what no compiler makes.
#include "snapshotter/cpython/stack_heights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

class StackHeightsTest : public ::testing::TestWithParam<const VersionSupport*> {
 protected:
  const VersionSupport& version = *GetParam();
  const OpcodeNumbers& numbers = *GetParam()->opcode_numbers;
  CodeInfo code;

  void Emit(int opcode, int argument = 0) {
    code.bytecode.push_back(static_cast<char>(opcode));
    code.bytecode.push_back(static_cast<char>(argument));
  }
  // Of one argument, with what is called below it, and its caches.
  int32_t EmitCall() {
    if (numbers.PRECALL >= 0) {
      Emit(numbers.PRECALL, 1);
      for (int i = 0; i < version.opcodes->caches[numbers.PRECALL]; ++i) Emit(0);
    }
    const auto at = static_cast<int32_t>(code.bytecode.size());
    const int opcode = numbers.CALL >= 0 ? numbers.CALL : numbers.CALL_FUNCTION;
    Emit(opcode, 1);
    for (int i = 0; version.opcodes != nullptr && i < version.opcodes->caches[opcode]; ++i) Emit(0);
    return at;
  }
  void EmitEnd() {
    for (size_t i = 0; i < version.stack_effects.count; ++i) {
      const StackEffect& effect = version.stack_effects.rows[i];
      if (effect.flow == OpcodeFlow::kEnds) return Emit(effect.opcode);
    }
  }
  void EmitCallable() {
    if (numbers.CALL >= 0) Emit(numbers.LOAD_CONST);
    Emit(numbers.LOAD_CONST);
    Emit(numbers.LOAD_CONST);
  }
};
INSTANTIATE_TEST_SUITE_P(Versions,
                         StackHeightsTest,
                         ::testing::ValuesIn(AllVersionSupports().begin(), AllVersionSupports().end()),
                         [](const auto& info) { return "v3_" + std::to_string(info.param->minor); });

TEST_P(StackHeightsTest, BelowACall) {
  code.stack_size = 10;
  Emit(numbers.LOAD_CONST);
  Emit(numbers.LOAD_CONST);
  EmitCallable();
  const int32_t call = EmitCall();
  Emit(numbers.POP_TOP);
  const StackHeights heights(version, code);
  const auto place = heights.FindCall(call, {});
  ASSERT_FALSE(place.ok()) << "it runs off its end";

  EmitEnd();
  const StackHeights whole(version, code);
  const auto found = whole.FindCall(call, {});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->height, 2);
  EXPECT_TRUE(found->is_call);
  EXPECT_FALSE(whole.FindCall(-1, {}).ok());
  EXPECT_EQ(whole.FindCall(0, {}).status().code(), absl::StatusCode::kFailedPrecondition) << "no call";
  EXPECT_FALSE(whole.FindCall(call, {{.type = 122, .handler = 4, .level = 0}}).ok()) << "no such block";
}

TEST_P(StackHeightsTest, TooHigh) {
  code.stack_size = 3;
  for (int i = 0; i < 4; ++i) Emit(numbers.LOAD_CONST);
  EmitCallable();
  const int32_t call = EmitCall();
  EmitEnd();
  EXPECT_EQ(StackHeights(version, code).FindCall(call, {}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(StackHeightsTest, Noise) {
  std::mt19937 random(5);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same noise each time
  for (int round = 0; round < 300; ++round) {
    code.bytecode.resize(2 * (1 + random() % 100));
    for (char& byte : code.bytecode) byte = static_cast<char>(random());
    code.exception_table.resize(random() % 20);
    for (char& byte : code.exception_table) byte = static_cast<char>(random());
    code.stack_size = random() % 20;
    const StackHeights heights(version, code);
    for (size_t offset = 0; offset < code.bytecode.size(); offset += 2) {
      const auto found = heights.FindCall(static_cast<int32_t>(offset), {});
      if (!found.ok()) continue;
      EXPECT_GE(found->height, 0);
      EXPECT_LE(found->height, static_cast<int32_t>(code.stack_size));
    }
  }
}

}  // namespace
}  // namespace pysnap
