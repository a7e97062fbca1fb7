// Splits text into words: the steps that stand under `pre_tokenizer` in tokenizer.json, ending
// with the byte level, or the one expression of a .tiktoken vocabulary.
// Where the steps amount to a known expression, a hand-written scanner takes their place
// (scanners.h); else each step runs in turn, expressions through PCRE2 (regex.h).
// Threads: constant after Make.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"
#include "text/scanners.h"

namespace glimmer::text {

// What becomes of the stretches that a step matches, in Hugging Face's words.
enum class SplitBehavior {
  kRemoved,             // left out
  kIsolated,            // words of their own
  kMergedWithPrevious,  // the end of the word before
  kMergedWithNext,      // the begin of the word after
  kContiguous,          // words of their own, adjacent ones joined
};

struct SplitStep {
  enum class Matches { kRegex, kLiteral, kNumeric } matches = Matches::kRegex;
  std::string pattern{};  // the expression or the literal; unused for kNumeric
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // the stretches between the matches are the matches
};

struct ByteLevelStep {
  bool add_prefix_space = false;  // before each piece that does not begin with a space
  bool use_regex = false;         // then split by GPT-2's expression
};

struct PreTokenizerSpec {
  std::vector<SplitStep> splits;
  ByteLevelStep byte_level;
  RegexDialect dialect = RegexDialect::kOniguruma;
};

enum class Scanning { kScannersWhereKnown, kRegexOnly };

class PreTokenizer {
 public:
  // Errors: those of Regex::Compile.
  static base::Result<PreTokenizer> Make(const PreTokenizerSpec& spec, Scanning scanning);

  // Set when a scanner does all the splitting.
  std::optional<Scanner> scanner() const { return scanner_; }

  // The words of `text` in order; they view `text` or `storage`. REQUIRES: valid UTF-8, not empty.
  // Errors: those of Regex::Search.
  base::Result<std::vector<std::string_view>> Split(std::string_view text,
                                                    std::vector<std::string>& storage) const;

 private:
  struct Step {
    SplitStep how;
    std::optional<Regex> regex;
  };
  static base::Result<std::vector<std::string_view>> SplitOne(const Step& step,
                                                              std::string_view text);

  std::vector<Step> steps_;
  std::optional<Scanner> scanner_;
  bool add_prefix_space_ = false;
  size_t steps_before_prefix_ = 0;
};

}  // namespace glimmer::text
