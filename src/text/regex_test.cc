#include "text/regex.h"

#include <gtest/gtest.h>

namespace glimmer::text {
namespace {

using Words = std::vector<std::string>;

Words MatchesOf(std::string_view pattern, std::string_view text,
                RegexDialect dialect = RegexDialect::kOniguruma) {
  auto regex = Regex::Compile(pattern, dialect);
  EXPECT_TRUE(regex.ok()) << regex.error().message;
  Words words;
  Regex::Search search(regex.value(), text);
  while (true) {
    const auto match = search.Next();
    EXPECT_TRUE(match.ok()) << match.error().message;
    if (!match.value()) return words;
    words.emplace_back(
        text.substr(match.value()->begin, match.value()->end - match.value()->begin));
  }
}

std::string RefusalOf(std::string_view pattern) {
  const auto regex = Regex::Compile(pattern, RegexDialect::kOniguruma);
  EXPECT_FALSE(regex.ok()) << pattern;
  if (regex.ok()) return "";
  EXPECT_EQ(regex.error().kind, base::ErrorKind::kUnsupported);
  return regex.error().message;
}

TEST(Regex, ReadsOnigurumasDialect) {
  EXPECT_EQ(MatchesOf(R"(\s)", "a\u180e\u3000"), (Words{"\u3000"}));
  EXPECT_EQ(MatchesOf(R"([^\s\p{L}]+)", "a\u180e b"), (Words{"\u180e"}));
  EXPECT_EQ(MatchesOf(R"([\s\S]+)", "a \n\u180e"), (Words{"a \n\u180e"}));
  EXPECT_EQ(MatchesOf(R"(\w+)", "aé_9² ①"), (Words{"aé_9²"}));
  EXPECT_EQ(MatchesOf(R"(\u4e2d|\x{6587}|\p{^Lu}$)", "中文X\nx\n"), (Words{"中", "文", "x", "\n"}));
  EXPECT_EQ(MatchesOf(R"(^a)", "a\na"), (Words{"a", "a"}));
  EXPECT_EQ(MatchesOf(R"((?i:'s)|(b)#)", "'S'ſb#"), (Words{"'S", "'ſ", "b#"}));
}

TEST(Regex, ReadsRustsDialect) {
  EXPECT_EQ(MatchesOf(R"(^a|b$)", "a\na b\nb", RegexDialect::kRust), (Words{"a", "b"}));
  EXPECT_EQ(MatchesOf(R"([\p{L}&&[^\p{Han}]]+)", "ab中c", RegexDialect::kRust), (Words{"ab", "c"}));
  EXPECT_EQ(MatchesOf(R"(\p{N}{1,3}+)", "12345", RegexDialect::kRust), (Words{"123", "45"}));
}

// Scripts are scripts, not script extensions: U+3001 is used with Han but is no Han.
TEST(Regex, TellsScriptsFromScriptExtensions) {
  EXPECT_EQ(MatchesOf(R"(\p{Han}+)", "中、〇"), (Words{"中", "〇"}));
}

TEST(Regex, KnowsCharactersNewerThanPcre2) {
  EXPECT_EQ(MatchesOf(R"(\p{L}+)", "a\U00031350\u1c89b"), (Words{"a\U00031350\u1c89b"}));
  EXPECT_EQ(MatchesOf(R"(\p{Han}+)", "\U00031350\U00010d4a"), (Words{"\U00031350"}));
  EXPECT_EQ(MatchesOf(R"(\p{N}+)", "\U00010d40"), (Words{"\U00010d40"}));
}

TEST(Regex, GivesEmptyMatchesButNotAtTheEndOfAnother) {
  EXPECT_EQ(MatchesOf("a*", "baac"), (Words{"", "aa"}));
}

TEST(Regex, RefusesWhatItCouldMisread) {
  EXPECT_EQ(RefusalOf(R"(ab\b)"),
            "the regular expression \"ab\\\\b\" uses \\b at byte 2, which glimmer does not read");
  for (const char* pattern :
       {R"(\h)",          R"(\R)",     R"(\X)",    R"(\G)",      R"(\1)",       R"([a[bc]])",
        R"([[:alpha:]])", R"([a&&b])", R"(a{,3})", R"(a{1,2}+)", R"((?<n>a))",  R"((?x)a)",
        R"((?#c)a)",      R"((*UTF))", R"([])",    R"([^])",     R"([a)",       R"((a)",
        R"(\xff)",        R"(\x{})",   R"(\p{L)",  R"(\p{})",    R"(\p{Nope})", R"(\p{L=x})",
        R"(a\)",          R"([a--b])", R"(*a)",    R"([b-a])"}) {
    EXPECT_NE(RefusalOf(pattern), "") << pattern;
  }
  const auto long_one = Regex::Compile(std::string(kMaxPatternBytes + 1, 'a'), RegexDialect::kRust);
  EXPECT_EQ(long_one.error().kind, base::ErrorKind::kExhausted);
}

TEST(Regex, GivesUpOnEndlessBacktracking) {
  auto regex = Regex::Compile("(a|a|aa)+[bc]$", RegexDialect::kOniguruma);
  ASSERT_TRUE(regex.ok());
  const std::string text = std::string(60, 'a') + "bx";
  Regex::Search search(regex.value(), text);
  const auto match = search.Next();
  ASSERT_FALSE(match.ok());
  EXPECT_EQ(match.error().kind, base::ErrorKind::kExhausted);
}

}  // namespace
}  // namespace glimmer::text
