#include "text/pre_tokenizer.h"

#include <algorithm>
#include <memory>

#include "unicode/properties.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using base::Result;
using unicode::CodePoint;
using unicode::DecodeAt;
using unicode::IsIn;
using unicode::kNumbers;
using unicode::Properties;
using Views = std::vector<std::string_view>;

// A stretch of the text that is, or is not, a match of the step.
struct Piece {
  size_t begin, end;
  bool is_match;
};

// Covers [0, size) with the matches and, where they leave room, the stretches between.
class PieceList {
 public:
  void AddMatch(size_t begin, size_t end) {
    if (begin > covered_) pieces_.push_back({covered_, begin, false});
    pieces_.push_back({begin, end, true});
    covered_ = end;
  }
  std::vector<Piece> Finish(size_t size, bool invert) {
    if (covered_ < size) pieces_.push_back({covered_, size, false});
    for (Piece& piece : pieces_) piece.is_match ^= invert;
    return std::move(pieces_);
  }

 private:
  std::vector<Piece> pieces_;
  size_t covered_ = 0;
};

void MatchLiteral(std::string_view text, std::string_view literal, PieceList& out) {
  for (size_t at = text.find(literal); at != std::string_view::npos;) {
    out.AddMatch(at, at + literal.size());
    at = text.find(literal, at + literal.size());
  }
}

void MatchNumbers(std::string_view text, PieceList& out) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = DecodeAt(text.data() + at);
    if (IsIn(kNumbers, Properties()[point.value])) out.AddMatch(at, at + point.bytes);
    at += point.bytes;
  }
}

// True when `piece` goes on the word that ends with `before`.
bool Joins(SplitBehavior behavior, const Piece& before, const Piece& piece) {
  switch (behavior) {
    case SplitBehavior::kMergedWithPrevious:
      return piece.is_match && !before.is_match;
    case SplitBehavior::kMergedWithNext:
      return before.is_match && !piece.is_match;
    case SplitBehavior::kContiguous:
      return before.is_match == piece.is_match;
    default:
      return false;
  }
}

Views Words(std::string_view text, const std::vector<Piece>& pieces, SplitBehavior behavior) {
  Views words;
  for (size_t i = 0; i < pieces.size();) {
    size_t last = i;
    while (last + 1 < pieces.size() && Joins(behavior, pieces[last], pieces[last + 1])) ++last;
    const bool removed = behavior == SplitBehavior::kRemoved && pieces[i].is_match;
    const size_t bytes = pieces[last].end - pieces[i].begin;
    if (!removed && bytes > 0) words.push_back(text.substr(pieces[i].begin, bytes));
    i = last + 1;
  }
  return words;
}

bool IsPlain(const SplitStep& step) {
  return step.matches == SplitStep::Matches::kRegex && !step.invert &&
         step.behavior == SplitBehavior::kIsolated;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::Make(const PreTokenizerSpec& spec, Scanning scanning) {
  PreTokenizer made;
  std::vector<SplitStep> steps = spec.splits;
  made.add_prefix_space_ = spec.byte_level.add_prefix_space;
  made.steps_before_prefix_ = steps.size();
  if (spec.byte_level.use_regex) {
    steps.push_back({.pattern = std::string(kGpt2Pattern)});
  }
  if (scanning == Scanning::kScannersWhereKnown && !made.add_prefix_space_ &&
      std::all_of(steps.begin(), steps.end(), IsPlain)) {
    std::vector<std::string> patterns;
    for (const SplitStep& step : steps) patterns.push_back(step.pattern);
    made.scanner_ = FindScanner(patterns);
  }
  for (SplitStep& step : steps) {
    std::optional<Regex> regex;
    if (step.matches == SplitStep::Matches::kRegex && !made.scanner_) {
      GLIMMER_ASSIGN(regex, Regex::Compile(step.pattern, spec.dialect));
    }
    made.steps_.push_back({std::move(step), std::move(regex)});
  }
  return made;
}

Result<Views> PreTokenizer::SplitOne(const Step& step, std::string_view text) {
  PieceList pieces;
  if (step.how.matches == SplitStep::Matches::kLiteral) {
    MatchLiteral(text, step.how.pattern, pieces);
  } else if (step.how.matches == SplitStep::Matches::kNumeric) {
    MatchNumbers(text, pieces);
  } else {
    Regex::Search search(*step.regex, text);
    while (true) {
      GLIMMER_ASSIGN(const std::optional<Regex::Span> match, search.Next());
      if (!match) break;
      pieces.AddMatch(match->begin, match->end);
    }
  }
  return Words(text, pieces.Finish(text.size(), step.how.invert), step.how.behavior);
}

Result<Views> PreTokenizer::Split(std::string_view text, std::vector<std::string>& storage) const {
  Views words = {text};
  if (scanner_) {
    words.clear();
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end;) {
      const char* after = (*scanner_)(at, end);
      words.emplace_back(at, after - at);
      at = after;
    }
    return words;
  }
  for (size_t i = 0; i <= steps_.size(); ++i) {
    if (i == steps_before_prefix_ && add_prefix_space_) {
      storage.reserve(storage.size() + words.size());  // views must stay valid
      for (std::string_view& word : words) {
        if (!word.starts_with(' ')) word = storage.emplace_back(" " + std::string(word));
      }
    }
    if (i == steps_.size()) break;
    Views finer;
    for (const std::string_view word : words) {
      GLIMMER_ASSIGN(const Views parts, SplitOne(steps_[i], word));
      finer.insert(finer.end(), parts.begin(), parts.end());
    }
    words = std::move(finer);
  }
  return words;
}

}  // namespace glimmer::text
