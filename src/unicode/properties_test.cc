#include "unicode/properties.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace glimmer::unicode {
namespace {

bool Is(uint32_t set, uint32_t point) { return IsIn(set, Properties()[point]); }

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

}  // namespace
}  // namespace glimmer::unicode
