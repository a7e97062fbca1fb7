// A regular expression over UTF-8 text: PCRE2 with its JIT compiler.
// PCRE2 10.42 (Debian 12) knows Unicode 14.0. Code points whose category is another in 16.0 are
// shown to it as a code point of the same length in UTF-8, category and script that 14.0 has too.
// Threads: a Regex may be used by several threads, a Regex::Search by one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/regex_dialect.h"

namespace glimmer::text {

constexpr uint32_t kMaxMatchSteps = 100'000'000;  // per match; PCRE2's "match limit"
constexpr size_t kMaxMatchStackBytes = 16 << 20;  // of one Search

class Regex {
 public:
  // Errors: kUnsupported (a construct glimmer or PCRE2 does not read), kExhausted (too long).
  static base::Result<Regex> Compile(std::string_view pattern, RegexDialect dialect);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  struct Span {
    size_t begin, end;
  };

  // Goes through one text. REQUIRES: valid UTF-8 that outlives the search.
  class Search {
   public:
    Search(const Regex& regex, std::string_view text);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    // The next match, in order, never overlapping the ones before. It may be empty, but not at
    // the end of the match before.
    // Errors: kExhausted when the expression backtracks beyond the limits above.
    base::Result<std::optional<Span>> Next();

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

}  // namespace glimmer::text
