#include "data/text_blocks.h"

#include <gtest/gtest.h>

namespace glimmer::data {
namespace {

TEST(TextBlocks, EndInFrontOfALineWithoutLeadingWhiteSpace) {
  TextBlocks blocks;
  EXPECT_FALSE(blocks.EndsBefore("word"));
  blocks.Add(std::string(kTextBlockBytes - 2, 'a'));
  EXPECT_FALSE(blocks.EndsBefore("word"));
  blocks.Add("");
  EXPECT_TRUE(blocks.EndsBefore("word"));
  for (const char* line : {"", " word", "\tword"}) EXPECT_FALSE(blocks.EndsBefore(line));
  EXPECT_EQ(blocks.Take(), std::string(kTextBlockBytes - 2, 'a') + "\n\n");
  EXPECT_EQ(blocks.Take(), "");
  EXPECT_FALSE(blocks.EndsBefore("word"));
}

TEST(TextBlocks, EndBeforeTheyAreLongerThanALineMayBe) {
  TextBlocks blocks;
  blocks.Add(std::string(kMaxLineBytes - 3, ' '));
  EXPECT_FALSE(blocks.EndsBefore(" "));
  EXPECT_TRUE(blocks.EndsBefore(" a b"));
}

}  // namespace
}  // namespace glimmer::data
