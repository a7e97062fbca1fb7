// Hand-written equivalents of the regular expressions that most tokenizers split words with.
// Each walks the text once, with table look-ups instead of a regex engine. scanners_test.cc holds
// every one against PCRE2 on the same expression.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace glimmer::text {

// Returns the end of the piece that begins at `at`; the pieces cover the text without gap.
// REQUIRES: at < end, [at, end) is valid UTF-8 that begins at the end of the piece before (or of
// nothing: no scanner looks back).
using Scanner = const char* (*)(const char* at, const char* end);

// GPT-2's expression, as ByteLevel's use_regex means it.
extern const std::string_view kGpt2Pattern;

// The scanner that equals splitting by each of these expressions in turn, matches isolated.
std::optional<Scanner> FindScanner(std::span<const std::string> patterns);

// All lists of expressions that have a scanner.
std::span<const std::span<const std::string_view>> ScannerPatterns();

}  // namespace glimmer::text
