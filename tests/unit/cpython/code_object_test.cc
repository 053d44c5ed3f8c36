#include "snapshotter/cpython/code_object.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "tests/unit/cpython/arena.h"

namespace pysnap {
namespace {

using testing::Arena;
using testing::FakeRuntime;

// Against what the interpreters themselves said (record_bytecode.py).
TEST(CodeReaderTest, RestoresBytecodeToWhatCoCodeSays) {
  int functions = 0;
  for (const auto& file : std::filesystem::directory_iterator(PYSNAP_SOURCE_DIR "/tests/fixtures/bytecode")) {
    SCOPED_TRACE(file.path().filename().string());
    std::ifstream stream(file.path());
    const nlohmann::json fixture = nlohmann::json::parse(stream);
    const VersionSupport* version = FindVersionSupport(fixture.at("minor").get<int>());
    ASSERT_NE(version, nullptr);
    for (const Layout* layout : {version->release, version->debug}) {
      Arena arena;
      FakeRuntime fake(*version, *layout, arena);
      CodeReader reader(fake.runtime, arena);
      for (const auto& entry : fixture.at("code")) {
        SCOPED_TRACE(entry.at("name").get<std::string>());
        const Address code = fake.CodeWith(absl::HexStringToBytes(entry.at("memory").get<std::string>()));
        const absl::StatusOr<const CodeInfo*> info = reader.Read(code);
        ASSERT_TRUE(info.ok()) << info.status();
        ASSERT_TRUE((*info)->bytecode_problem.ok()) << (*info)->bytecode_problem;
        EXPECT_EQ(absl::BytesToHexString((*info)->bytecode), entry.at("co_code").get<std::string>());
        ++functions;
      }
    }
  }
  EXPECT_GT(functions, 60);
}

TEST(CodeReaderTest, LooksUpTheOpcodesThatLineEventsReplaced) {
  for (const VersionSupport* version : AllVersionSupports()) {
    if (version->line_instrumentation == LineInstrumentation::kNone) continue;
    SCOPED_TRACE(version->minor);
    const OpcodeTables& tables = *version->opcodes;
    // Any opcode that is plain, has no caches and is not one of those that tell the two forms apart.
    int plain = 6;
    while (tables.deopt[plain] != plain || tables.caches[plain] != 0) ++plain;
    for (const bool sized : {false, true}) {
      if (sized && version->line_instrumentation == LineInstrumentation::kPairs) continue;
      if (!sized && version->line_instrumentation == LineInstrumentation::kSizedEntries) continue;
      Arena arena;
      FakeRuntime fake(*version, *version->release, arena);
      const auto& layout = fake.runtime.layout;
      std::string bytes(8, '\0');
      bytes[2] = static_cast<char>(tables.instrumented_line);
      bytes[3] = 9;
      const Address code = fake.CodeWith(bytes);
      const Address monitoring = arena.Allocate(256);
      const Address lines = arena.Allocate(64);
      fake.Set(code, layout.PyCodeObject._co_monitoring, monitoring);
      fake.Set(monitoring, layout._PyCoMonitoringData.lines, lines);
      if (sized) {
        arena.Put<uint8_t>(lines, 3);
        arena.Put<uint8_t>(lines + 1 + 3, static_cast<uint8_t>(plain));
      } else {
        arena.Put<uint8_t>(lines + 2, static_cast<uint8_t>(plain));
      }
      CodeReader reader(fake.runtime, arena);
      const absl::StatusOr<const CodeInfo*> info = reader.Read(code);
      ASSERT_TRUE(info.ok()) << info.status();
      ASSERT_TRUE((*info)->bytecode_problem.ok()) << (*info)->bytecode_problem;
      EXPECT_EQ(static_cast<uint8_t>((*info)->bytecode[2]), plain);
      EXPECT_EQ((*info)->bytecode[3], 9);
    }
  }
}

TEST(CodeReaderTest, BytecodeThatCannotBeRestoredCostsOnlyItself) {
  for (const VersionSupport* version : AllVersionSupports()) {
    if (version->line_instrumentation == LineInstrumentation::kNone) continue;
    SCOPED_TRACE(version->minor);
    Arena arena;
    FakeRuntime fake(*version, *version->release, arena);
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(version->opcodes->instrumented_line);  // but no monitoring data
    CodeReader reader(fake.runtime, arena);
    const absl::StatusOr<const CodeInfo*> info = reader.Read(fake.CodeWith(bytes));
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_FALSE((*info)->bytecode_problem.ok());
    EXPECT_TRUE((*info)->bytecode.empty());
    EXPECT_EQ((*info)->variables.size(), 3u);
  }
}

TEST(CodeReaderTest, RefusesWhatIsNoCodeObject) {
  for (const VersionSupport* version : AllVersionSupports()) {
    Arena arena;
    FakeRuntime fake(*version, *version->release, arena);
    CodeReader reader(fake.runtime, arena);
    EXPECT_EQ(reader.Read(fake.Object("PyTuple_Type", 512)).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(reader.Read(Address(1)).status().code(), absl::StatusCode::kOutOfRange);
  }
}

}  // namespace
}  // namespace pysnap
