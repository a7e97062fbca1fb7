#include "base/text.h"

#include <gtest/gtest.h>

namespace glimmer::base {
namespace {

TEST(Quoted, KeepsWholeCharactersAlone) {
  for (const char* text : {"é", "中", "😀", "\u00a0", "\u07ff", "\ufffd"}) {
    EXPECT_EQ(Quoted(text), '"' + std::string(text) + '"');
  }
  EXPECT_EQ(Quoted("caf\xe9 au"), R"("caf\xe9 au")");
  EXPECT_EQ(Quoted("\xe4\xb8"), R"("\xe4\xb8")");
  EXPECT_EQ(Quoted("\xc0\x80\xe0\x80\x80"), R"("\xc0\x80\xe0\x80\x80")");
  EXPECT_EQ(Quoted("\xed\xa0\x80\xf4\x90\x80\x80"), R"("\xed\xa0\x80\xf4\x90\x80\x80")");
  const std::string many(199, 'x');
  EXPECT_EQ(Quoted(many + "中!"), '"' + many + "中...\"");
}

TEST(Quoted, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Quoted("a\"b\\c\x1b[31m\n"), "\"a\\\"b\\\\c\\x1b[31m\\x0a\"");
  EXPECT_EQ(Quoted(std::string(300, 'x')).size(), 205u);
  EXPECT_EQ(Quoted("\xc2\x9b"
                   "2J"),
            R"("\xc2\x9b2J")");
}

TEST(HumanNumbers, ReadWell) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(753864139008), "753,864,139,008");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(441260000000), "441.26 GB");
  EXPECT_EQ(HumanBytes(1507728000000), "1.508 TB");
  EXPECT_EQ(HumanSeconds(93.7), "1 min 34 s");
  EXPECT_EQ(HumanSeconds(7260), "2 h 01 min");
}

TEST(ParseBytes, KnowsDecimalAndBinaryUnits) {
  EXPECT_EQ(ParseBytes("5GB").value(), 5'000'000'000u);
  EXPECT_EQ(ParseBytes("1.5 GiB").value(), 1'610'612'736u);
  EXPECT_EQ(ParseBytes("4096").value(), 4096u);
  for (const char* bad : {"", "GB", "0", "-1GB", "5XB", "1e30", "5GB5", "nan", "inf"}) {
    EXPECT_FALSE(ParseBytes(bad).ok()) << bad;
  }
}

TEST(GlobMatches, CoversTheWholeName) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("lm_head", "lm_head"));
  EXPECT_FALSE(GlobMatches("lm_head", "lm_head.weight"));
  EXPECT_TRUE(GlobMatches("*.self_attn.indexer.*", "model.layers.7.self_attn.indexer.wk"));
  EXPECT_TRUE(GlobMatches("model.layers.?.mlp*", "model.layers.1.mlp.gate"));
  EXPECT_FALSE(GlobMatches("model.layers.?.mlp*", "model.layers.10.mlp.gate"));
  EXPECT_TRUE(GlobMatches("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(GlobMatches("a*b*c", "aXbYbZ"));
}

}  // namespace
}  // namespace glimmer::base
