// The goldens of src/chat hold what Python 3.11 says; here stands what Unicode 16.0 changed, and
// the characters that become several.
#include "unicode/python_str.h"

#include <gtest/gtest.h>

namespace glimmer::unicode {
namespace {

TEST(PythonStr, KnowsTheCasesOfUnicode16) {
  EXPECT_EQ(ToLower("\U00010d50\ua7dc"), "\U00010d70\u019b");
  EXPECT_EQ(ToUpper("\U00010d70\u019b"), "\U00010d50\ua7dc");
  EXPECT_EQ(ToTitle("\u019b\ua7dc"), "\ua7dc\u019b");
  EXPECT_TRUE(IsUppercase(0x10d50) && IsLowercase(0x10d70) && IsLowercase(0x10fc));
  EXPECT_TRUE(IsNumeric(0x4eac) && IsDigit(0x10d40) && IsAlphabetic(0x1c89));
}

TEST(PythonStr, MapsOneCharacterToSeveral) {
  EXPECT_EQ(ToUpper("stra\u00dfe \ufb03"), "STRASSE FFI");
  EXPECT_EQ(ToLower("\u0130"), "i\u0307");
  EXPECT_EQ(ToTitle("\ufb03x \u01c6y \u0345"), "Ffix \u01c5y \u0399");
  EXPECT_EQ(Capitalized("\u00dfX"), "Ssx");
}

TEST(PythonStr, TellsKindsApart) {
  EXPECT_TRUE(IsDigit(0xb2) && IsNumeric(0xbd) && !IsDigit(0xbd) && !IsNumeric('x'));
  EXPECT_TRUE(IsSpace(0x1c) && IsSpace(0x3000) && !IsSpace(0x200b));
  EXPECT_TRUE(IsPrintable(' ') && IsPrintable(0x4e2d) && IsPrintable(0x301));
  EXPECT_FALSE(IsPrintable(0xa0) || IsPrintable('\n') || IsPrintable(0x200b) ||
               IsPrintable(0xe000) || IsPrintable(0x378));
  EXPECT_TRUE(IsAlphabetic(0xaa) && !IsAlphabetic(0x345) && !IsAlphabetic('1'));
}

TEST(PythonStr, CutsLinesAndEnds) {
  using Lines = std::vector<std::string_view>;
  EXPECT_EQ(LinesOf("a\r\nb\rc\n\nd\u2028e", LineEnds::kDropped),
            (Lines{"a", "b", "c", "", "d", "e"}));
  EXPECT_EQ(LinesOf("a\r\nb\n", LineEnds::kKept), (Lines{"a\r\n", "b\n"}));
  EXPECT_EQ(LinesOf("", LineEnds::kDropped), Lines{});
  EXPECT_EQ(Trim("\u3000 x \u00a0", Ends::kBoth), "x");
  EXPECT_EQ(Trim(" \u4e2d ", Ends::kLeft), "\u4e2d ");
  EXPECT_EQ(TrimPoints("\u4e2d\u6587x\u6587", "\u6587\u4e2d", Ends::kRight), "\u4e2d\u6587x");
}

}  // namespace
}  // namespace glimmer::unicode
