#include "snapshotter/cpython/behaviours/line_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "snapshotter/cpython/version_support.h"

namespace pysnap {
namespace {

// Every instruction of every code object, against what the interpreter itself said (record_line_tables.py).
TEST(LineTableTest, AgreesWithTheInterpreterThatMadeTheTable) {
  int versions = 0;
  for (const auto& file : std::filesystem::directory_iterator(PYSNAP_SOURCE_DIR "/tests/fixtures/line_tables")) {
    SCOPED_TRACE(file.path().filename().string());
    std::ifstream stream(file.path());
    const nlohmann::json fixture = nlohmann::json::parse(stream);
    const VersionSupport* version = FindVersionSupport(fixture.at("minor").get<int>());
    ASSERT_NE(version, nullptr);
    ++versions;
    for (const auto& code : fixture.at("code")) {
      SCOPED_TRACE(code.at("name").get<std::string>());
      const std::string table = absl::HexStringToBytes(code.at("table").get<std::string>());
      int32_t lasti = 0;
      for (const auto& expected : code.at("positions")) {
        const SourcePosition position = version->find_position(table, code.at("first_line").get<int32_t>(), lasti);
        const auto value = [&expected](size_t i) { return expected[i].is_null() ? -1 : expected[i].get<int32_t>(); };
        EXPECT_EQ(position.line, value(0)) << "at offset " << lasti;
        EXPECT_EQ(position.end_line, value(1)) << "at offset " << lasti;
        EXPECT_EQ(position.column, value(2)) << "at offset " << lasti;
        EXPECT_EQ(position.end_column, value(3)) << "at offset " << lasti;
        lasti += 2;
      }
    }
  }
  EXPECT_EQ(versions, 8);
}

TEST(LineTableTest, NeverReadsBeyondAMalformedTable) {
  for (const auto find : {PositionFromLnotab, PositionFromLineRanges, PositionFromLocations}) {
    for (int head = 0; head < 256; ++head) {
      for (size_t length = 0; length < 6; ++length) {
        std::string table(length, '\x7f');
        if (length > 0) table[0] = static_cast<char>(head);
        find(table, 1, 1 << 20);
        find(table, INT32_MAX, 0);
      }
    }
  }
}

}  // namespace
}  // namespace pysnap
