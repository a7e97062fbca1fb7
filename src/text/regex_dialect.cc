#include "text/regex_dialect.h"

#include <fmt/format.h>

#include "base/text.h"

namespace glimmer::text {
namespace {

using base::Quoted;
using base::Result;
using base::Status;
using base::Unsupported;

// Members of a class that stand for \s: White_Space; and for \S: all other code points.
constexpr std::string_view kSpaces =
    R"(\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNotSpaces =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff})"
    R"(\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
// \w: letters, marks, digits, connectors, and the other alphabetic code points. Oniguruma adds
// the superscripts and fractions of Latin-1.
constexpr std::string_view kWords =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169})"
    R"(\x{1f170}-\x{1f189})";
constexpr std::string_view kOnigurumaWords = R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
constexpr std::string_view kRustWords = R"(\x{200c}\x{200d})";

constexpr std::string_view kSingleLetterEscapes = "tnrfv";
constexpr size_t kLongestCategoryName = 2;

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool IsAlnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Translator {
 public:
  Translator(std::string_view pattern, RegexDialect dialect)
      : pattern_(pattern), dialect_(dialect) {}

  Result<std::string> Run() {
    while (at_ < pattern_.size()) GLIMMER_TRY(Item());
    return std::move(out_);
  }

 private:
  bool Sees(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  char Next() const { return at_ < pattern_.size() ? pattern_[at_] : '\0'; }
  base::Error Refusal(std::string_view what) const {
    return Unsupported(
        fmt::format("the regular expression {} uses {} at byte {}, which glimmer "
                    "does not read",
                    Quoted(pattern_), what, at_));
  }

  Status Item() {
    switch (Next()) {
      case '\\':
        return Escape();
      case '[':
        return Class();
      case '(':
        return Group();
      case '^':
        out_ += dialect_ == RegexDialect::kOniguruma ? "(?m:^)" : "\\A";
        break;
      case '$':
        out_ += dialect_ == RegexDialect::kOniguruma ? "(?m:$)" : "\\z";
        break;
      case '{':
        return Repeat();
      case '#':
        out_ += "\\#";
        break;
      default:
        out_ += Next();
    }
    ++at_;
    return {};
  }

  // {n}, {n,} or {n,m}; other braces mean different things in the three dialects.
  Status Repeat() {
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) return Refusal("an open brace");
    const std::string_view body = pattern_.substr(at_ + 1, end - at_ - 1);
    const bool is_count = !body.empty() && body[0] != ',' &&
                          body.find_first_not_of("0123456789,") == std::string_view::npos;
    if (!is_count) return Refusal("a brace that is no count");
    out_ += pattern_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    // After a count, Ruby reads `+` as another repeat and the others as possessive.
    if (dialect_ == RegexDialect::kOniguruma && Next() == '+') return Refusal("`+` after a count");
    return {};
  }

  Status Group() {
    for (const std::string_view known :
         {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)"}) {
      if (!Sees(known)) continue;
      out_ += known;
      at_ += known.size();
      return {};
    }
    if (Sees("(?") || Sees("(*")) return Refusal("an unknown kind of group");
    out_ += "(?:";  // groups are never referred to
    ++at_;
    return {};
  }

  std::string Words() const {
    const bool ruby = dialect_ == RegexDialect::kOniguruma;
    return std::string(kWords) + std::string(ruby ? kOnigurumaWords : kRustWords);
  }

  Status Escape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    std::string replacement;
    if (c == 's') replacement = fmt::format("[{}]", kSpaces);
    if (c == 'S') replacement = fmt::format("[^{}]", kSpaces);
    if (c == 'w') replacement = fmt::format("[{}]", Words());
    if (c == 'W') replacement = fmt::format("[^{}]", Words());
    if (c == 'A' || c == 'z') replacement = {'\\', c};
    if (replacement.empty()) return SharedEscape();
    out_ += replacement;
    at_ += 2;
    return {};
  }

  // Escapes that mean the same in and out of a class.
  Status SharedEscape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    if (c == 'p' || c == 'P') return Property();
    if (c == 'x' || c == 'u') return HexEscape();
    const bool same =
        kSingleLetterEscapes.find(c) != std::string_view::npos || c == 'd' || c == 'D';
    if (c == '\0' || (IsAlnum(c) && !same)) return Refusal(fmt::format("\\{}", c));
    if (static_cast<unsigned char>(c) < 0x80) out_ += '\\';
    if (c == 'v') {
      out_ += "x0b";  // PCRE2's \v is a set
    } else {
      out_ += c;
    }
    at_ += 2;
    return {};
  }

  Status Property() {
    const char kind = pattern_[at_ + 1];
    std::string_view rest = pattern_.substr(at_ + 2);
    std::string_view name = rest.substr(0, 1);
    size_t used = 3;
    if (rest.starts_with('{')) {
      const size_t end = rest.find('}');
      if (end == std::string_view::npos) return Refusal("a property without end");
      name = rest.substr(1, end - 1);
      used = end + 3;
    }
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    for (const char c : name) {
      if (!IsAlnum(c) && c != '_') return Refusal("a property with an operator");
    }
    if (name.empty()) return Refusal("a property without a name");
    const bool is_category = name.size() <= kLongestCategoryName;
    const bool positive = (kind == 'p') != negated;
    out_ += fmt::format("\\{}{{{}{}}}", positive ? 'p' : 'P', is_category ? "" : "sc:", name);
    at_ += used;
    return {};
  }

  Status HexEscape() {
    size_t digits_at = at_ + 2;
    const bool braces = digits_at < pattern_.size() && pattern_[digits_at] == '{';
    if (braces) ++digits_at;
    const size_t most = braces ? 8 : pattern_[at_ + 1] == 'u' ? 4 : 2;
    size_t count = 0;
    while (count < most && digits_at + count < pattern_.size() &&
           IsHex(pattern_[digits_at + count])) {
      ++count;
    }
    const bool closed = !braces || pattern_.substr(digits_at + count).starts_with('}');
    if (count == 0 || !closed || (!braces && count != most)) return Refusal("a broken \\x or \\u");
    const std::string_view digits = pattern_.substr(digits_at, count);
    const bool raw_byte = !braces && most == 2 && digits[0] > '7';
    if (raw_byte && dialect_ == RegexDialect::kOniguruma) return Refusal("\\x with a raw byte");
    out_ += fmt::format("\\x{{{}}}", digits);
    at_ = digits_at + count + (braces ? 1 : 0);
    return {};
  }

  // [...] or [...&&[...]]: the second becomes a look ahead before the first.
  Status Class() {
    std::string members, cut;
    GLIMMER_TRY(ClassBody(members, /*allow_cut=*/true, cut));
    out_ += cut.empty() ? members : fmt::format("(?:(?={}){})", cut, members);
    return {};
  }

  // Reads from `[` to its `]` into `members`; `cut` gets the class after &&, if there is one.
  Status ClassBody(std::string& members, bool allow_cut, std::string& cut) {
    const std::string outside = std::move(out_);
    out_ = "[";
    ++at_;
    if (Next() == '^') Take();
    if (Next() == ']') return Refusal("an empty class");
    while (at_ < pattern_.size() && Next() != ']') {
      if (Sees("&&")) {
        at_ += 2;
        if (!allow_cut || Next() != '[' || out_ == "[" || out_ == "[^") return Refusal("&&");
        std::string nothing;
        GLIMMER_TRY(ClassBody(cut, /*allow_cut=*/false, nothing));
        if (Next() != ']') return Refusal("more members after &&");
        if (out_.starts_with("[^")) return Refusal("&& in a negated class");
        break;
      }
      GLIMMER_TRY(ClassMember());
    }
    if (Next() != ']') return Refusal("a class without end");
    Take();
    members = std::move(out_);
    out_ = outside;
    return {};
  }

  Status ClassMember() {
    const char next = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    if (Next() == '[') return Refusal("a class inside a class");
    if (Sees("--") || Sees("~~")) return Refusal("a set operation");
    if (Next() != '\\') {
      Take();
      return {};
    }
    if (next == 's' || next == 'S' || next == 'w') {
      out_ += next == 's' ? std::string(kSpaces) : next == 'S' ? std::string(kNotSpaces) : Words();
      at_ += 2;
      return {};
    }
    return SharedEscape();
  }

  void Take() { out_ += pattern_[at_++]; }

  std::string_view pattern_;
  RegexDialect dialect_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> ToPcre2(std::string_view pattern, RegexDialect dialect) {
  if (pattern.size() > kMaxPatternBytes) {
    return base::Exhausted(fmt::format("a regular expression of {} bytes; glimmer reads up to {}",
                                       pattern.size(), kMaxPatternBytes));
  }
  return Translator(pattern, dialect).Run();
}

}  // namespace glimmer::text
