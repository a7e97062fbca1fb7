#include "text/scanners.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "text/pre_tokenizer.h"
#include "unicode/properties.h"
#include "unicode/random_text.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using unicode::AppendUtf8;
using unicode::kCodePoints;
using unicode::RandomText;

using Words = std::vector<std::string>;

PreTokenizer Make(std::span<const std::string_view> patterns, Scanning scanning) {
  PreTokenizerSpec spec;
  for (const std::string_view pattern : patterns) {
    SplitStep step;
    step.pattern = std::string(pattern);
    spec.splits.push_back(step);
  }
  // Kimi's expression comes with a .tiktoken file.
  spec.dialect = RegexDialect::kRust;
  auto made = PreTokenizer::Make(spec, scanning);
  EXPECT_TRUE(made.ok()) << made.error().message;
  return std::move(made).value();
}

Words WordsOf(const PreTokenizer& splitter, const std::string& text) {
  std::vector<std::string> storage;
  const auto views = splitter.Split(text, storage);
  EXPECT_TRUE(views.ok()) << views.error().message;
  return Words(views.value().begin(), views.value().end());
}

// Each list of expressions: the scanner and PCRE2 must cut every text alike.
class Scanners : public testing::TestWithParam<size_t> {
 protected:
  Scanners()
      : scanner_(Make(ScannerPatterns()[GetParam()], Scanning::kScannersWhereKnown)),
        regex_(Make(ScannerPatterns()[GetParam()], Scanning::kRegexOnly)) {}

  void Compare(const std::string& text) const {
    const Words scanned = WordsOf(scanner_, text), matched = WordsOf(regex_, text);
    if (scanned == matched) return;
    const auto [a, b] =
        std::mismatch(scanned.begin(), scanned.end(), matched.begin(), matched.end());
    const auto shown = [](Words::const_iterator at, Words::const_iterator end) {
      return testing::PrintToString(Words(at, std::min(at + 3, end)));
    };
    FAIL() << "scanner: " << shown(a, scanned.end()) << "\nPCRE2: " << shown(b, matched.end());
  }

  PreTokenizer scanner_, regex_;
};

TEST_P(Scanners, AreFoundByTheirExpressions) {
  EXPECT_TRUE(scanner_.scanner().has_value());
  EXPECT_FALSE(regex_.scanner().has_value());
}

TEST_P(Scanners, CutRandomTextAsPcre2Does) {
  RandomText random(static_cast<uint32_t>(GetParam()) + 1);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.Text(1 + random.Below(24));
    if (!text.empty()) Compare(text);
    if (HasFatalFailure()) return;
  }
}

TEST_P(Scanners, CutEveryCharacterAsPcre2Does) {
  std::string text;
  for (uint32_t point = 0; point < kCodePoints; ++point) {
    if (point >= 0xd800 && point < 0xe000) continue;
    text += "a";
    AppendUtf8(point, text);
    text += "b 1";
    AppendUtf8(point, text);
    text += "A's ,";
    AppendUtf8(point, text);
    AppendUtf8(point, text);
    if (point % 128 != 127) continue;
    Compare(text);
    if (HasFatalFailure()) return;
    text.clear();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Scanners, testing::Range(size_t{0}, ScannerPatterns().size()));

TEST(Scanners, KnowTheLongS) {
  const PreTokenizer glm = Make(ScannerPatterns()[2], Scanning::kScannersWhereKnown);
  EXPECT_EQ(WordsOf(glm, "it'ſ'ſa"), (Words{"it", "'ſ", "'ſ", "a"}));
}

TEST(Scanners, AreLinearInLongRuns) {
  constexpr size_t kBytes = 4 << 20;
  for (const std::string_view unit : {"a", "A", " ", "\n", ".", "1", "中", "\x01", " a", "あa"}) {
    std::string text;
    while (text.size() < kBytes) text += unit;
    for (const auto& patterns : ScannerPatterns()) {
      std::vector<std::string> list(patterns.begin(), patterns.end());
      const char* const end = text.data() + text.size();
      const char* at = text.data();
      while (at < end) {
        const char* const next = (*FindScanner(list))(at, end);
        ASSERT_GT(next, at);
        at = next;
      }
      EXPECT_EQ(at, end);
    }
  }
}

}  // namespace
}  // namespace glimmer::text
