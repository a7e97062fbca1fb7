#include "text/scanners.h"

#include <algorithm>
#include <array>

#include "unicode/properties.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using unicode::Category;
using unicode::CategorySet;
using unicode::CodePoint;
using unicode::DecodeAt;
using unicode::IsIn;
using unicode::kHanBit;
using unicode::kLetters;
using unicode::kMarks;
using unicode::kNumbers;
using unicode::kPunctuation;
using unicode::kSymbols;
using unicode::kWhiteSpaceBit;
using unicode::Properties;

// The expressions, each as the files spell it.
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Reordered =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// GLM-4 and later, Llama 3, cl100k_base.
constexpr std::string_view kGlm4 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kKimi =
    R"([\p{Han}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// DeepSeek V3 and R1 split three times; their files hold CR and LF as themselves in the last.
constexpr std::string_view kDeepseekNumbers = R"(\p{N}{1,3})";
constexpr std::string_view kDeepseekCjk = "[一-龥\u3040-ゟ゠-ヿ]+";
constexpr std::string_view kDeepseekWords = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
                                            "[^\r\n"
                                            R"(\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+)"
                                            "[\r\n]"
                                            R"(*|\s*)"
                                            "[\r\n]"
                                            R"(+|\s+(?!\S)|\s+)";

constexpr uint32_t kUpper =
    CategorySet({Category::kLu, Category::kLt, Category::kLm, Category::kLo}) | kMarks;
constexpr uint32_t kLower = CategorySet({Category::kLl, Category::kLm, Category::kLo}) | kMarks;
constexpr uint32_t kLowerOnly = CategorySet({Category::kLl});
constexpr int kUnlimited = 1 << 30;

struct Point {
  uint8_t property;
  uint8_t bytes;
  bool Is(uint32_t set) const { return IsIn(set, property); }
  bool IsSpace() const { return (property & kWhiteSpaceBit) != 0; }
  bool IsHan() const { return (property & kHanBit) != 0; }
};

// DeepSeek's 一-龥, ぀-ゟ, ゠-ヿ.
bool IsDeepseekCjkAt(const char* at) {
  if (static_cast<unsigned char>(*at) < 0xe3) return false;
  const uint32_t point = DecodeAt(at).value;
  return (point >= 0x4e00 && point <= 0x9fa5) || (point >= 0x3040 && point <= 0x30ff);
}

// Where a text ends: at its last byte, or also before a number or CJK character, or also before
// anything that is no CJK character.
enum class Ends { kAtEnd, kBeforeNumbersAndCjk, kAfterCjk };

// Steps over one text by sets of characters.
template <Ends kEnds>
class BasicText {
 public:
  explicit BasicText(const char* end) : end_(end), properties_(Properties()) {}

  // REQUIRES: at < end.
  Point At(const char* at) const {
    const auto lead = static_cast<unsigned char>(*at);
    if (lead < 0x80) return {properties_[lead], 1};
    const CodePoint point = DecodeAt(at);
    return {properties_[point.value], static_cast<uint8_t>(point.bytes)};
  }

  bool Has(const char* at) const {
    if (at == end_) return false;
    if constexpr (kEnds == Ends::kAtEnd) return true;
    if constexpr (kEnds == Ends::kAfterCjk) return IsDeepseekCjkAt(at);
    return !At(at).Is(kNumbers) && !IsDeepseekCjkAt(at);
  }

  const char* SkipSet(const char* at, uint32_t set, int most = kUnlimited) const {
    for (; most > 0 && Has(at); --most) {
      const Point point = At(at);
      if (!point.Is(set)) break;
      at += point.bytes;
    }
    return at;
  }
  // [^\s\p{L}\p{N}]*
  const char* SkipSymbols(const char* at) const {
    while (at < end_) {
      const Point point = At(at);
      if (point.IsSpace() || point.Is(kLetters | kNumbers)) break;
      at += point.bytes;
    }
    return at;
  }
  const char* SkipAnyOf(const char* at, std::string_view characters) const {
    while (Has(at) && characters.find(*at) != std::string_view::npos) ++at;
    return at;
  }

  // The end of an English contraction at the apostrophe `at`, or `at` when there is none. Folding
  // case, the long s (U+017F) counts as an s.
  const char* Contraction(const char* at, bool any_case) const {
    if (end_ - at < 2 || *at != '\'') return at;
    const auto letter = [&](ptrdiff_t i) {
      const char c = i < end_ - at ? at[i] : '\0';
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    const char first = letter(1), second = letter(2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
    if (first == 'l' && second == 'l') return at + 3;
    if (any_case && first == '\xc5' && second == '\xbf') return at + 3;
    return at;
  }

  // \s*[\r\n]+|\s+(?!\S)|\s+ where `breaks_first`, else without its first part.
  // REQUIRES: a space stands at `at`.
  const char* Spaces(const char* at, bool breaks_first) const {
    const char* run = at;
    const char* last = at;  // where the last space of the run begins
    const char* after_break = nullptr;
    while (Has(run)) {
      const Point point = At(run);
      if (!point.IsSpace()) break;
      last = run;
      run += point.bytes;
      if (*last == '\r' || *last == '\n') after_break = run;
    }
    if (breaks_first && after_break != nullptr) return after_break;
    if (!Has(run) || last == at) return run;
    return last;  // leaves one space to the word that follows
  }

 private:
  const char* end_;
  const uint8_t* properties_;
};
using Text = BasicText<Ends::kAtEnd>;

const char* ScanGpt2(const char* at, const char* end) {
  const Text text(end);
  if (const char* after = text.Contraction(at, /*any_case=*/false); after != at) return after;
  const char* word = at + (*at == ' ' && at + 1 < end ? 1 : 0);
  const Point point = text.At(word);
  if (point.Is(kLetters)) return text.SkipSet(word + point.bytes, kLetters);
  if (point.Is(kNumbers)) return text.SkipSet(word + point.bytes, kNumbers);
  if (!point.IsSpace()) return text.SkipSymbols(word + point.bytes);
  return text.Spaces(at, /*breaks_first=*/false);
}

// \p{N}{1,most}| ?[^\s\p{L}\p{N}]+[trailers]*|\s*[\r\n]+|\s+(?!\S)|\s+: what cl100k and its
// descendants do with everything but words. REQUIRES: no letter stands at `at`.
const char* ScanNoWord(const Text& text, const char* at, int most_digits,
                       std::string_view trailers) {
  const Point point = text.At(at);
  if (point.Is(kNumbers)) return text.SkipSet(at, kNumbers, most_digits);
  const char* symbols = at + (*at == ' ' ? 1 : 0);
  const char* after = text.SkipSymbols(symbols);
  if (after != symbols) return text.SkipAnyOf(after, trailers);
  return text.Spaces(at, /*breaks_first=*/true);
}

// True for what may stand before a word: [^\r\n\p{L}\p{N}].
bool MayPrecede(const char* at, Point point) {
  return *at != '\r' && *at != '\n' && !point.Is(kLetters | kNumbers);
}

template <int kMostDigits>
const char* ScanCl100k(const char* at, const char* end) {
  const Text text(end);
  if (const char* after = text.Contraction(at, /*any_case=*/true); after != at) return after;
  const Point point = text.At(at);
  const char* word = at + point.bytes;
  if (point.Is(kLetters)) return text.SkipSet(word, kLetters);
  if (MayPrecede(at, point) && text.Has(word)) {
    const Point next = text.At(word);
    if (next.Is(kLetters)) return text.SkipSet(word + next.bytes, kLetters);
  }
  return ScanNoWord(text, at, kMostDigits, "\r\n");
}

// A word by letter case, from the place behind its optional first character:
// [upper]*[lower]+ or else [upper]+[lower]*, with Han characters excluded or not.
struct CasedWords {
  const Text& text;
  bool without_han;

  bool IsPart(Point point, uint32_t set) const {
    return point.Is(set) && !(without_han && point.IsHan());
  }
  const char* Skip(const char* at, uint32_t set) const {
    while (text.Has(at)) {
      const Point point = text.At(at);
      if (!IsPart(point, set)) break;
      at += point.bytes;
    }
    return at;
  }
  // [upper]*[lower]+, or nullptr. The first part is greedy, then gives back the least that lets
  // the second begin.
  const char* UpperThenLower(const char* at) const {
    const char* upper = at;
    const char* given_back = nullptr;  // the end of the last character that is in both sets
    while (text.Has(upper)) {
      const Point point = text.At(upper);
      if (!IsPart(point, kUpper)) break;
      upper += point.bytes;
      if (point.Is(kLower)) given_back = upper;
    }
    if (text.Has(upper) && IsPart(text.At(upper), kLowerOnly)) return Skip(upper, kLower);
    return given_back;
  }
  // [upper]+[lower]*, or nullptr.
  const char* UpperFirst(const char* at) const {
    const char* upper = Skip(at, kUpper);
    return upper == at ? nullptr : Skip(upper, kLower);
  }
};

const char* ScanCasedWord(const Text& text, const char* at, bool without_han) {
  const CasedWords words{text, without_han};
  const Point point = text.At(at);
  const char* second = MayPrecede(at, point) ? at + point.bytes : at;
  const char* after = words.UpperThenLower(second);
  if (after == nullptr && second != at) after = words.UpperThenLower(at);
  if (after == nullptr) after = words.UpperFirst(second);
  if (after == nullptr && second != at) after = words.UpperFirst(at);
  return after == nullptr ? nullptr : text.Contraction(after, /*any_case=*/true);
}

const char* ScanO200k(const char* at, const char* end) {
  const Text text(end);
  if (const char* after = ScanCasedWord(text, at, /*without_han=*/false)) return after;
  return ScanNoWord(text, at, 3, "\r\n/");
}

const char* ScanKimi(const char* at, const char* end) {
  const Text text(end);
  const char* han = at;
  while (text.Has(han) && text.At(han).IsHan()) han += text.At(han).bytes;
  if (han != at) return han;
  if (const char* after = ScanCasedWord(text, at, /*without_han=*/true)) return after;
  return ScanNoWord(text, at, 3, "\r\n");
}

constexpr uint32_t kLettersAndMarks = kLetters | kMarks;
constexpr uint32_t kPunctuationAndSymbols = kPunctuation | kSymbols;

bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// [!-/:-@[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+, or nullptr.
template <typename Stretch>
const char* DeepseekWord(const Stretch& text, const char* at) {
  const Point point = text.At(at);
  const char* next = at + point.bytes;
  if (point.bytes == 1 && point.Is(kPunctuationAndSymbols)) {
    if (!text.Has(next) || !IsAsciiLetter(*next)) return nullptr;
    while (text.Has(next) && IsAsciiLetter(*next)) ++next;
    return next;
  }
  const bool may_precede =
      *at != '\r' && *at != '\n' && !point.Is(kLetters | kPunctuationAndSymbols);
  const bool is_word = point.Is(kLettersAndMarks);
  const char* after = text.SkipSet(next, kLettersAndMarks);
  return is_word || (may_precede && after != next) ? after : nullptr;
}

// The third expression at `at`, or nullptr where it does not match.
template <typename Stretch>
const char* DeepseekMatch(const Stretch& text, const char* at) {
  if (const char* after = DeepseekWord(text, at)) return after;
  const char* symbols = at + (*at == ' ' ? 1 : 0);
  const char* after = text.SkipSet(symbols, kPunctuationAndSymbols);
  if (after != symbols) return text.SkipAnyOf(after, "\r\n");
  return text.At(at).IsSpace() ? text.Spaces(at, /*breaks_first=*/true) : nullptr;
}

// A piece of the third expression, or of what it leaves between its matches.
template <typename Stretch>
const char* DeepseekPiece(const Stretch& text, const char* at) {
  if (const char* after = DeepseekMatch(text, at)) return after;
  do {
    at += text.At(at).bytes;
  } while (text.Has(at) && DeepseekMatch(text, at) == nullptr);
  return at;
}

// The first two expressions cut the text into numbers, runs of CJK characters and stretches of
// others; the third one cuts the two latter, each as if it stood alone.
const char* ScanDeepseek(const char* at, const char* end) {
  const Text whole(end);
  if (whole.At(at).Is(kNumbers)) return whole.SkipSet(at, kNumbers, 3);
  if (IsDeepseekCjkAt(at)) return DeepseekPiece(BasicText<Ends::kAfterCjk>(end), at);
  return DeepseekPiece(BasicText<Ends::kBeforeNumbersAndCjk>(end), at);
}

template <size_t kCount>
using Patterns = std::array<std::string_view, kCount>;
constexpr Patterns<1> kGpt2List = {kGpt2}, kGpt2ReorderedList = {kGpt2Reordered},
                      kGlm4List = {kGlm4}, kQwen2List = {kQwen2}, kO200kList = {kO200k},
                      kKimiList = {kKimi};
constexpr Patterns<3> kDeepseekList = {kDeepseekNumbers, kDeepseekCjk, kDeepseekWords};

constexpr std::array<std::span<const std::string_view>, 7> kLists = {
    kGpt2List, kGpt2ReorderedList, kGlm4List, kQwen2List, kO200kList, kKimiList, kDeepseekList};
constexpr std::array<Scanner, 7> kScanners = {ScanGpt2,  ScanGpt2, ScanCl100k<3>, ScanCl100k<1>,
                                              ScanO200k, ScanKimi, ScanDeepseek};

}  // namespace

const std::string_view kGpt2Pattern = kGpt2;

std::optional<Scanner> FindScanner(std::span<const std::string> patterns) {
  for (size_t i = 0; i < kLists.size(); ++i) {
    if (std::equal(patterns.begin(), patterns.end(), kLists[i].begin(), kLists[i].end())) {
      return kScanners[i];
    }
  }
  return std::nullopt;
}

std::span<const std::span<const std::string_view>> ScannerPatterns() { return kLists; }

}  // namespace glimmer::text
