#include "text/unicode.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "text/random_text.h"

namespace glimmer::text {
namespace {

bool Is(uint32_t set, uint32_t point) { return IsIn(set, Properties()[point]); }

std::string Nfc(std::string_view text) {
  std::string out;
  return NormalizeNfc(text, out) ? out : std::string(text);
}

TEST(Properties, AreThoseOfUnicode16) {
  EXPECT_TRUE(Is(kLetters, 'a') && Is(kLetters, 0x4e2d) && Is(kLetters, 0x31350));
  EXPECT_TRUE(Is(kLetters, 0x1c89));   // new in 16.0
  EXPECT_TRUE(Is(kNumbers, 0x10d40));  // new in 16.0
  EXPECT_FALSE(Is(kLetters, 0x1c8b));  // unassigned
  EXPECT_TRUE(Is(kMarks, 0x301) && Is(kPunctuation, '!') && Is(kSymbols, '+'));
  EXPECT_TRUE(Properties()[0x3000] & kWhiteSpaceBit);
  EXPECT_FALSE(Properties()[0x180e] & kWhiteSpaceBit);
  EXPECT_FALSE(Properties()[0x200b] & kWhiteSpaceBit);
  EXPECT_TRUE(Properties()[0x3007] & kHanBit);
  EXPECT_TRUE(ChangedSinceUnicode14(0x1c89));
  EXPECT_FALSE(ChangedSinceUnicode14('a') || ChangedSinceUnicode14(0x10ffff));
}

// Letters, numbers and so on as counted in PyPI tokenizers 0.23.3 through its own \p{...}.
TEST(Properties, HaveTheSizesOfOniguruma) {
  const std::vector<std::pair<uint32_t, size_t>> expected = {
      {kLetters, 141028}, {kNumbers, 1911}, {kMarks, 2501}, {kPunctuation, 855}, {kSymbols, 8514}};
  for (const auto& [set, size] : expected) {
    size_t count = 0;
    for (uint32_t point = 0; point < kCodePoints; ++point) count += Is(set, point);
    EXPECT_EQ(count, size);
  }
}

TEST(Nfc, ComposesReordersAndKeepsExclusions) {
  EXPECT_EQ(Nfc("plain"), "plain");
  EXPECT_EQ(Nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(Nfc("xe\u0301y"), "x\u00e9y");
  EXPECT_EQ(Nfc("o\u0302\u0323"), "\u1ed9");
  EXPECT_EQ(Nfc("a\u0327\u0301"), "\u00e1\u0327");
  EXPECT_EQ(Nfc("\u1100\u1161\u11a8\u11a8"), "\uac01\u11a8");
  EXPECT_EQ(Nfc("\u212b\u2126"), "\u00c5\u03a9");
  EXPECT_EQ(Nfc("\u0958"), "\u0915\u093c");  // excluded from composition
  EXPECT_EQ(Nfc("\u0301a"), "\u0301a");
}

TEST(Nfc, EqualsPython) {
  const auto cases =
      base::ReadJsonObject(std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/nfc.json", 10 << 20);
  const auto& pairs = cases.value().at("cases").get_array();
  EXPECT_GT(pairs.size(), 1000u);
  for (const auto& pair : pairs) {
    EXPECT_EQ(Nfc(pair.at(0).get_string()), std::string(pair.at(1).get_string()))
        << base::Shown(pair);
  }
}

TEST(Nfc, DoneTwiceIsDoneOnce) {
  RandomText random(3);
  for (int i = 0; i < 3000; ++i) {
    const std::string once = Nfc(random.Text(12));
    EXPECT_EQ(Nfc(once), once);
  }
}

}  // namespace
}  // namespace glimmer::text
