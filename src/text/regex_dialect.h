// Regular expressions of tokenizer files in PCRE2's dialect.
//
// tokenizer.json speaks Oniguruma's (Ruby) dialect, the patterns of .tiktoken files that of Rust's
// fancy-regex. What the three share passes through. What they spell differently is rewritten:
// \s \S (PCRE2 adds U+180E), \w \W, \uHHHH, script names (PCRE2 reads \p{Han} as script
// extensions), ^ and $ (per line in Ruby's dialect), classes cut with && (`[A&&[^B]]`).
// Everything else is refused rather than read with another meaning.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace glimmer::text {

enum class RegexDialect { kOniguruma, kRust };

constexpr size_t kMaxPatternBytes = 16384;

// Errors: kUnsupported, naming the construct and its place; kExhausted for a longer pattern.
base::Result<std::string> ToPcre2(std::string_view pattern, RegexDialect dialect);

}  // namespace glimmer::text
