#include "unicode/utf8.h"

#include <gtest/gtest.h>

#include "unicode/random_text.h"

namespace glimmer::unicode {
namespace {

TEST(Repaired, ReplacesEachLongestPrefixOfACharacterOnce) {
  EXPECT_EQ(Repaired("plain é 中 🙂"), "plain é 中 🙂");
  EXPECT_EQ(Repaired("a\x80"
                     "b"),
            "a�b");
  EXPECT_EQ(Repaired("\xc3"), "�");
  EXPECT_EQ(Repaired("\xe4\xb8 x"), "� x");
  EXPECT_EQ(Repaired("\xf0\x9f\x99"), "�");
  EXPECT_EQ(Repaired("\xed\xa0\x80"), "���");       // a surrogate
  EXPECT_EQ(Repaired("\xc0\xaf"), "��");            // overlong
  EXPECT_EQ(Repaired("\xe0\x80\xaf"), "���");       // overlong
  EXPECT_EQ(Repaired("\xf4\x90\x80\x80"), "����");  // beyond U+10FFFF
  EXPECT_EQ(Repaired("\xf0\x9f\xf0\x9f\x99\x82"), "�🙂");
}

TEST(Repaired, LeavesOnlyValidText) {
  RandomText random(7);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = Repaired(random.Bytes(random.Below(40)) + random.Text(3));
    EXPECT_EQ(ValidPrefixBytes(text), text.size());
    EXPECT_EQ(Repaired(text), text);
  }
}

TEST(CodePoints, ComeBackFromEveryLength) {
  for (uint32_t point = 1; point < 0x110000; point += point < 0x3000 ? 1 : 97) {
    if (point >= 0xd800 && point < 0xe000) continue;
    std::string text;
    AppendUtf8(point, text);
    ASSERT_EQ(ValidPrefixBytes(text), text.size()) << point;
    ASSERT_EQ(DecodeAt(text.data()).value, point);
    ASSERT_EQ(DecodeAt(text.data()).bytes, text.size());
    ASSERT_EQ(DecodeLast("x" + text).value, point);
  }
}

TEST(CodePoints, AreWalkedAndCounted) {
  const std::string text = "a\u00e9\u4e2d\U0001f642z";
  EXPECT_EQ(CountPoints(text), 5u);
  EXPECT_EQ(OffsetOfPoint(text, 3), 6u);
  EXPECT_EQ(OffsetOfPoint(text, 5), text.size());
  EXPECT_EQ(OffsetOfPoint(text, 9), text.size());
  EXPECT_TRUE(IsAscii("plain \x7f") && IsAscii("") && !IsAscii(text));
  std::u32string forwards, backwards;
  for (size_t at = 0; at < text.size();) forwards += static_cast<char32_t>(NextPoint(text, at));
  for (size_t at = text.size(); at > 0;) {
    backwards.insert(backwards.begin(), static_cast<char32_t>(PreviousPoint(text, at)));
  }
  EXPECT_EQ(forwards, U"a\u00e9\u4e2d\U0001f642z");
  EXPECT_EQ(backwards, forwards);
}

}  // namespace
}  // namespace glimmer::unicode
