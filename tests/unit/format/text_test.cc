// Numbers, UTF-8, columns: the small pieces that the views are made of.
#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snapshotter/format/number_text.h"
#include "snapshotter/format/position_table.h"
#include "snapshotter/format/text_style.h"
#include "snapshotter/format/unicode_printable.h"
#include "snapshotter/format/utf8.h"

namespace pysnap::format {
namespace {

TEST(IntTextTest, TwosComplement) {
  EXPECT_EQ(IntText(""), "0");
  EXPECT_EQ(IntText(std::string("\0", 1)), "0");
  EXPECT_EQ(IntText("\xff"), "-1");
  EXPECT_EQ(IntText("\x80"), "-128");
  EXPECT_EQ(IntText(std::string("\x80\x00", 2)), "128");
  EXPECT_EQ(IntText(std::string("\0\0\0\0\0\0\0\0\x01", 9)), "18446744073709551616");
  EXPECT_EQ(IntText(std::string("\0\0\0\0\0\0\0\0\xff", 9)), "-18446744073709551616");
  EXPECT_EQ(IntText(std::string(kMaxIntBytes + 1, '\x01')), "");
  EXPECT_EQ(IntText(std::string(kMaxIntBytes, '\x01')).size(), 39455u);
}

TEST(FloatTextTest, AsPython) {
  EXPECT_EQ(FloatText(1.0), "1.0");
  EXPECT_EQ(FloatText(-0.0), "-0.0");
  EXPECT_EQ(FloatText(1e16), "1e+16");
  EXPECT_EQ(FloatText(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(FloatText(0.0001), "0.0001");
  EXPECT_EQ(FloatText(0.00001), "1e-05");
  EXPECT_EQ(FloatText(5e-324), "5e-324");
  EXPECT_EQ(FloatText(std::nan("")), "nan");
  EXPECT_EQ(FloatText(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(ComplexText(0.0, 1.0), "1j");
  EXPECT_EQ(ComplexText(-0.0, -1.5), "(-0-1.5j)");
}

TEST(Utf8Test, Decodes) {
  EXPECT_EQ(DecodeCharacter("").size, 0u);
  EXPECT_EQ(DecodeCharacter("\xf0\x9f\x98\x80").code, 0x1f600u);
  EXPECT_EQ(DecodeCharacter("\xed\xb2\x80").code, 0xdc80u);
  for (const char* invalid : {"\x80", "\xc0\x80", "\xe2\x82", "\xf5\x80\x80\x80", "\xe0\x80\x80", "\xff"}) {
    EXPECT_GE(DecodeCharacter(invalid).code, kInvalidByte);
    EXPECT_EQ(DecodeCharacter(invalid).size, 1u);
  }
  EXPECT_EQ(CountCharacters("a\xc3\xa9\xff"), 3u);
  EXPECT_EQ(CountCharacters("12345678\xc3\xa9"
                            "12345678\xff"
                            "1234567\xe2\x82\xac"),
            26u);
}

TEST(Utf8Test, HarmlessAndValid) {
  EXPECT_EQ(Harmless("\x1b[31m\n\xe2\x80\xae\xc2\x9b"), "\\x1b[31m\\n\\u202e\\x9b");
  EXPECT_EQ(Harmless("caf\xc3\xa9 \xf0\x9f\x98\x80\t"), "caf\xc3\xa9 \xf0\x9f\x98\x80\\t");
  EXPECT_EQ(Harmless("\xed\xb2\x80\xff"), "\\udc80\\xff");
  EXPECT_EQ(ValidUtf8("\n\xed\xb2\x80\xff\xc3\xa9"), "\n\\udc80\\xff\xc3\xa9");
}

TEST(UnicodePrintableTest, FollowsTheVersion) {
  EXPECT_TRUE(IsPrintable('a', 8));
  EXPECT_FALSE(IsPrintable(0x7f, 8));
  EXPECT_FALSE(IsPrintable(0xad, 15));
  EXPECT_FALSE(IsPrintable(0xd800, 12));
  EXPECT_FALSE(IsPrintable(0x1f6dc, 11));  // WIRELESS, since Unicode 15
  EXPECT_TRUE(IsPrintable(0x1f6dc, 12));
  EXPECT_TRUE(IsPrintable(0x1f6dc, 99));
  EXPECT_FALSE(IsPrintable(0x10ffff, 15));
}

FrameView At(uint32_t column, uint32_t end_column) {
  FrameView view;
  view.line = view.end_line = 1;
  view.column = column;
  view.end_column = end_column;
  return view;
}

std::string CaretsOf(const std::string& line, const FrameView& view) { return Carets(line, Strip(line), view); }

TEST(CaretsTest, MarkTheColumns) {
  EXPECT_EQ(CaretsOf("    x = f(1)", At(8, 12)), "    ^^^^");
  EXPECT_EQ(CaretsOf("    f(1)", At(4, 8)), "") << "the whole line needs no marks";
  EXPECT_EQ(CaretsOf("    f(1)", FrameView{}), "");
  EXPECT_EQ(CaretsOf("a = \xe6\x97\xa5(x)", At(4, 10)), "    ^^^^^") << "wide characters take two columns";
  EXPECT_EQ(CaretsOf("\xc3\xa9 = f(1)", At(5, 9)), "    ^^^^") << "columns count bytes";
  EXPECT_EQ(CaretsOf("x\t= f(1)", At(4, 8)), " \t  ^^^^");
  FrameView several = At(4, 1);
  several.end_line = 2;
  EXPECT_EQ(CaretsOf("x = f(1,", several), "    ^^^^") << "to the end of the first line";
}

TEST(CaretsTest, HostileColumns) {
  EXPECT_EQ(CaretsOf("x = 1", At(100, 200)), "");
  EXPECT_EQ(CaretsOf("x = 1", At(3, 2)), "");
  EXPECT_EQ(CaretsOf("x = 1", At(4, UINT32_MAX)), "    ^");
  EXPECT_EQ(CaretsOf("", At(0, 1)), "");
  EXPECT_EQ(CaretsOf("\xe6\x97\xa5 x", At(1, 2)).find('\n'), std::string::npos);
}

TEST(PositionTableTest, FindsInstructions) {
  // Two units on line 10, columns 4 to 8; one unit three lines on without columns; one without a line.
  const std::string table(
      "\x81\x04\x80"
      "\xe8\x06"
      "\xf8",
      6);
  const auto first = FindPosition(std::string_view(table).substr(0, 2), 10, 2);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->line, 10u);
  EXPECT_EQ(first->column, 0u);
  EXPECT_EQ(first->end_column, 4u);
  EXPECT_FALSE(FindPosition(std::string_view(table).substr(0, 2), 10, 4).has_value());
  const std::string no_columns("\xe8\x06\xf8", 3);
  const auto second = FindPosition(no_columns, 10, 0);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->line, 13u);
  EXPECT_FALSE(second->column.has_value());
  EXPECT_FALSE(FindPosition(no_columns, 10, 2).has_value());
}

TEST(PositionTableTest, Hostile) {
  EXPECT_FALSE(FindPosition("", 1, 0).has_value());
  EXPECT_FALSE(FindPosition("\x01", 1, 0).has_value());
  EXPECT_FALSE(FindPosition("\xf0", 1, 0).has_value());
  EXPECT_FALSE(FindPosition("\xf0\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f", 1, 0).has_value());
  EXPECT_FALSE(FindPosition("\xe8\x3f", 1, 0).has_value()) << "a line before the first";
}

}  // namespace
}  // namespace pysnap::format
