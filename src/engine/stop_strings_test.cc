#include "engine/stop_strings.h"

#include <gtest/gtest.h>

namespace glimmer::engine {
namespace {

struct Outcome {
  std::string text, matched;

  bool operator==(const Outcome&) const = default;
};

Outcome After(const std::vector<std::string>& stops, const std::vector<std::string_view>& pieces) {
  StopStrings strings = StopStrings::Create(stops).value();
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    outcome.text += strings.Feed(piece);
    if (strings.matched()) break;
  }
  outcome.text += strings.Finish();
  outcome.matched = strings.matched().value_or("");
  return outcome;
}

// What the header promises, by looking at the whole text at once.
Outcome Expected(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    std::string longest;
    for (const std::string& stop : stops) {
      const std::string_view before = std::string_view(text).substr(0, end);
      if (before.ends_with(stop) && stop.size() > longest.size()) longest = stop;
    }
    if (!longest.empty()) return {text.substr(0, end - longest.size()), longest};
  }
  return {text, ""};
}

TEST(StopStrings, EndTheTextBeforeThem) {
  EXPECT_EQ(After({"STOP"}, {"one STOP two"}), (Outcome{"one ", "STOP"}));
  EXPECT_EQ(After({"STOP"}, {"one ST", "OP two"}), (Outcome{"one ", "STOP"}));
  EXPECT_EQ(After({"STOP"}, {"one ST", "EP two"}), (Outcome{"one STEP two", ""}));
  EXPECT_EQ(After({"STOP"}, {"one ST"}), (Outcome{"one ST", ""}));
  EXPECT_EQ(After({}, {"one", " two"}), (Outcome{"one two", ""}));
}

TEST(StopStrings, TheFirstCompleteOneWinsAndThenTheLongest) {
  EXPECT_EQ(After({"abcd", "bc"}, {"xabcd"}), (Outcome{"xa", "bc"}));
  EXPECT_EQ(After({"c", "abc", "bc"}, {"xabcd"}), (Outcome{"x", "abc"}));
}

TEST(StopStrings, GiveTextOutAsSoonAsItIsCertain) {
  StopStrings strings = StopStrings::Create({"\n\nQ:", "##"}).value();
  EXPECT_EQ(strings.Feed("a\n"), "a");
  EXPECT_EQ(strings.Feed("\n"), "");
  EXPECT_EQ(strings.Feed("\n"), "\n");
  EXPECT_EQ(strings.Feed("Q"), "");
  EXPECT_EQ(strings.Feed("#"), "\n\nQ");
  EXPECT_EQ(strings.Feed("x"), "#x");
  EXPECT_EQ(strings.Finish(), "");
  EXPECT_FALSE(strings.matched());
}

TEST(StopStrings, ThatRepeatThemselves) {
  EXPECT_EQ(After({"aab"}, {"aaa", "ab"}), (Outcome{"aa", "aab"}));
  EXPECT_EQ(After({"ababc"}, {"abab", "ababc"}), (Outcome{"abab", "ababc"}));
}

// Every text of a small alphabet, cut at every place and into single bytes.
TEST(StopStrings, CutsMakeNoDifference) {
  const std::vector<std::vector<std::string>> sets = {
      {"aab"}, {"abab", "ba"}, {"aa", "baab"}, {"bbb", "abbb", "a"}, {"aabaaa", "abaab"}};
  for (const auto& stops : sets) {
    for (uint32_t bits = 0; bits < 1024; ++bits) {
      std::string text;
      for (uint32_t i = 0; i < 10; ++i) text += (bits >> i & 1) == 1 ? 'b' : 'a';
      const Outcome expected = Expected(stops, text);
      const std::string_view view = text;
      std::vector<std::string_view> bytes;
      for (size_t cut = 0; cut <= text.size(); ++cut) {
        ASSERT_EQ(After(stops, {view.substr(0, cut), view.substr(cut)}), expected) << text;
        if (cut < text.size()) bytes.push_back(view.substr(cut, 1));
      }
      ASSERT_EQ(After(stops, bytes), expected) << text;
    }
  }
}

TEST(StopStrings, NeverCutACharacter) {
  StopStrings strings = StopStrings::Create({"\xC3\xA9!"}).value();
  EXPECT_EQ(strings.Feed("a\xC3\xA9"), "a");
  EXPECT_EQ(strings.Feed("\xC3\xA8"), "\xC3\xA9\xC3\xA8");
}

TEST(StopStrings, AnEmptyOneIsRefused) {
  const auto strings = StopStrings::Create({"a", ""});
  ASSERT_FALSE(strings.ok());
  EXPECT_EQ(strings.error().kind, base::ErrorKind::kInvalid);
}

}  // namespace
}  // namespace glimmer::engine
