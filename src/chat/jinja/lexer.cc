#include "chat/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/string_literal.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

using TokenKind = Token::Kind;

// Longest first where one begins another.
constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

bool IsDecimalDigit(char c) { return c >= '0' && c <= '9'; }

// Every line ending becomes "\n", and one at the end is dropped, as jinja2 does.
std::string Normalized(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer {
 public:
  Lexer(std::string_view source, const Limits& limits)
      : source_(Normalized(source)), limits_(limits) {}

  std::vector<Token> Run() {
    while (at_ < source_.size()) ReadTextAndTag();
    tokens_.push_back({TokenKind::kEnd, line_, ""});
    return std::move(tokens_);
  }

 private:
  std::string_view Rest() const { return std::string_view(source_).substr(at_); }
  bool Sees(std::string_view text) const { return Rest().starts_with(text); }

  void Advance(size_t bytes) {
    const auto from = source_.begin() + static_cast<ptrdiff_t>(at_);
    line_ += static_cast<int>(std::count(from, from + static_cast<ptrdiff_t>(bytes), '\n'));
    at_ += bytes;
  }
  void SkipSpace() { Advance(Rest().size() - unicode::TrimLeft(Rest()).size()); }
  void SkipNewline() {
    if (Sees("\n")) Advance(1);
  }
  void Add(TokenKind kind, std::string text = "") {
    tokens_.push_back({kind, line_, std::move(text)});
  }

  // The next "{{", "{%" or "{#", or the end of the source.
  size_t FindTag() const {
    for (size_t at = source_.find('{', at_); at != std::string::npos;
         at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return source_.size();
  }

  void ReadTextAndTag() {
    const size_t tag = FindTag();
    if (tag == source_.size()) {
      AddText(Rest());
      return Advance(source_.size() - at_);
    }
    const char type = source_[tag + 1];
    const char sign = SignAt(tag + 2);
    AddText(TrimmedBefore(tag, type, sign));
    Advance(tag - at_);
    if (type == '%' && ReadRaw()) return;
    const int first_line = line_;
    Advance(sign == '\0' ? 2 : 3);
    if (type == '#') return SkipComment(first_line);
    const bool is_block = type == '%';
    Add(is_block ? TokenKind::kBlockBegin : TokenKind::kPrintBegin);
    ReadTag(is_block, first_line);
  }

  char SignAt(size_t at) const {
    const char c = at < source_.size() ? source_[at] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  // The text from here to the tag, without the spaces that the tag takes away.
  std::string_view TrimmedBefore(size_t tag, char type, char sign) const {
    const std::string_view text = Rest().substr(0, tag - at_);
    if (sign == '-') return unicode::TrimRight(text);
    if (sign == '+' || type == '{') return text;
    const size_t line_start = text.rfind('\n') + 1;  // npos + 1 == 0
    const bool starts_line = line_start > 0 || at_ == 0 || source_[at_ - 1] == '\n';
    const bool is_blank = unicode::TrimLeft(text.substr(line_start)).empty();
    return starts_line && is_blank ? text.substr(0, line_start) : text;
  }

  void AddText(std::string_view text) {
    if (!text.empty()) Add(TokenKind::kText, std::string(text));
  }

  void SkipComment(int first_line) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos) FailAt(first_line, "the comment does not end");
    const char sign = end > at_ ? SignAt(end - 1) : '\0';
    Advance(end + 2 - at_);
    if (sign == '-') SkipSpace();
    if (sign == '\0') SkipNewline();
  }

  // Bytes of `{% word %}` at `at` up to the end of the tag without trimming behind it, or 0.
  size_t WordTagBytes(size_t at, std::string_view word, char& end_sign) const {
    const std::string_view rest = std::string_view(source_).substr(at);
    if (!rest.starts_with("{%")) return 0;
    std::string_view inner = rest.substr(SignAt(at + 2) == '\0' ? 2 : 3);
    inner = unicode::TrimLeft(inner);
    if (!inner.starts_with(word)) return 0;
    inner = unicode::TrimLeft(inner.substr(word.size()));
    end_sign = '\0';
    if (inner.starts_with("-") || inner.starts_with("+")) {
      end_sign = inner[0];
      inner.remove_prefix(1);
    }
    if (!inner.starts_with("%}")) return 0;
    return rest.size() - inner.size() + 2;
  }

  // {% raw %}…{% endraw %}; false when no raw block begins here.
  bool ReadRaw() {
    char sign = '\0';
    const size_t begin_bytes = WordTagBytes(at_, "raw", sign);
    if (begin_bytes == 0 || sign == '+') return false;
    const int first_line = line_;
    Advance(begin_bytes);
    if (sign == '-') SkipSpace();
    for (size_t end = source_.find("{%", at_); end != std::string::npos;
         end = source_.find("{%", end + 1)) {
      const size_t end_bytes = WordTagBytes(end, "endraw", sign);
      if (end_bytes == 0) continue;
      AddText(TrimmedBefore(end, '%', SignAt(end + 2)));
      Advance(end - at_ + end_bytes);
      if (sign == '-') SkipSpace();
      if (sign == '\0') SkipNewline();
      return true;
    }
    FailAt(first_line, "the raw block does not end");
  }

  // Whether the tag ends here; if so, moves behind it.
  bool EndsTag(bool is_block) {
    if (!open_.empty()) return false;
    const std::string_view end = is_block ? "%}" : "}}";
    const char sign = SignAt(at_);
    const bool has_sign = sign == '-' || (sign == '+' && is_block);
    if (!Rest().substr(std::min(Rest().size(), size_t{has_sign})).starts_with(end)) return false;
    Add(is_block ? TokenKind::kBlockEnd : TokenKind::kPrintEnd);
    Advance(has_sign ? 3 : 2);
    if (has_sign && sign == '-') SkipSpace();
    if (!has_sign && is_block) SkipNewline();
    return true;
  }

  void ReadTag(bool is_block, int first_line) {
    open_.clear();
    while (true) {
      SkipSpace();
      if (at_ >= source_.size()) {
        FailAt(first_line, is_block ? "the block tag does not end" : "the print tag does not end");
      }
      if (EndsTag(is_block)) return;
      ReadToken();
    }
  }

  void ReadToken() {
    const char c = source_[at_];
    const bool follows_dot = at_ > 0 && source_[at_ - 1] == '.';
    if (IsDecimalDigit(c)) {
      if (!follows_dot && ReadFloat()) return;
      return ReadInteger();
    }
    if (c == '"' || c == '\'') return ReadString(c);
    if (ReadName()) return;
    ReadOperator();
  }

  // Bytes of digits with single underscores between them, from `at`.
  size_t DigitBytes(size_t at) const {
    size_t end = at;
    while (end < source_.size()) {
      const bool is_joint = source_[end] == '_' && end > at && end + 1 < source_.size() &&
                            IsDecimalDigit(source_[end + 1]) && source_[end - 1] != '_';
      if (!IsDecimalDigit(source_[end]) && !is_joint) break;
      ++end;
    }
    return end - at;
  }

  static std::string WithoutUnderscores(std::string_view digits) {
    std::string plain(digits);
    std::erase(plain, '_');
    return plain;
  }

  bool ReadFloat() {
    size_t end = at_ + DigitBytes(at_);
    bool is_float = false;
    if (end < source_.size() && source_[end] == '.' && DigitBytes(end + 1) > 0) {
      end += 1 + DigitBytes(end + 1);
      is_float = true;
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const size_t digits = end + 1 + (SignAt(end + 1) != '\0' ? 1 : 0);
      if (DigitBytes(digits) > 0) {
        end = digits + DigitBytes(digits);
        is_float = true;
      }
    }
    if (!is_float) return false;
    Add(TokenKind::kFloat, source_.substr(at_, end - at_));
    tokens_.back().number = std::strtod(WithoutUnderscores(tokens_.back().text).c_str(), nullptr);
    Advance(end - at_);
    return true;
  }

  void ReadInteger() {
    size_t end = at_;
    const auto is_part = [](char c) {
      return c == '_' || std::isalnum(static_cast<unsigned char>(c));
    };
    while (end < source_.size() && is_part(source_[end])) ++end;
    const std::string written = source_.substr(at_, end - at_);
    const std::string digits = WithoutUnderscores(written);
    const char mark = digits.size() > 2 && digits[0] == '0' ? digits[1] : '\0';
    const int base = mark == 'x' || mark == 'X'   ? 16
                     : mark == 'o' || mark == 'O' ? 8
                     : mark == 'b' || mark == 'B' ? 2
                                                  : 10;
    const char* first = digits.data() + (base == 10 ? 0 : 2);
    int64_t integer = 0;
    const auto parsed = std::from_chars(first, digits.data() + digits.size(), integer, base);
    if (parsed.ec == std::errc::result_out_of_range) {
      FailAt(line_, "the number " + base::Quoted(written) + " does not fit into 64 bits");
    }
    const bool has_stray_underscore =
        written.back() == '_' || written.find("__") != std::string::npos;
    const bool has_lead = base == 10 && digits.size() > 1 && digits[0] == '0' && integer != 0;
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || has_lead ||
        has_stray_underscore) {
      FailAt(line_, base::Quoted(written) + " is not a number");
    }
    Add(TokenKind::kInteger, written);
    tokens_.back().integer = integer;
    Advance(end - at_);
  }

  void ReadString(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) FailAt(line_, "the string does not end");
    const std::string_view inner = Rest().substr(1, end - at_ - 1);
    Add(TokenKind::kString, UnescapedString(inner, line_));
    Advance(end + 1 - at_);
  }

  bool ReadName() {
    const std::string_view rest = Rest();
    size_t end = 0;
    while (end < rest.size()) {
      size_t after = end;
      const uint32_t point = unicode::NextPoint(rest, after);
      if (point != '_' && !unicode::IsAlphabetic(point) && !unicode::IsNumeric(point)) break;
      end = after;
    }
    if (end == 0) return false;
    Add(TokenKind::kName, std::string(rest.substr(0, end)));
    Advance(end);
    return true;
  }

  void ReadOperator() {
    for (const std::string_view op : kOperators) {
      if (!Sees(op)) continue;
      Balance(op);
      Add(TokenKind::kOperator, std::string(op));
      return Advance(op.size());
    }
    size_t after = at_;
    unicode::NextPoint(source_, after);
    FailAt(line_,
           fmt::format("unexpected character {}", base::Quoted(source_.substr(at_, after - at_))));
  }

  void Balance(std::string_view op) {
    if (op == "(" || op == "[" || op == "{") {
      open_ += op == "(" ? ')' : op == "[" ? ']' : '}';
      if (open_.size() > limits_.max_nesting) {
        FailAt(line_,
               fmt::format("brackets nest deeper than the limit of {}", limits_.max_nesting));
      }
    } else if (op == ")" || op == "]" || op == "}") {
      if (open_.empty()) FailAt(line_, fmt::format("unexpected \"{}\"", op));
      if (open_.back() != op[0]) {
        FailAt(line_, fmt::format("unexpected \"{}\", expected \"{}\"", op, open_.back()));
      }
      open_.pop_back();
    }
  }

  const std::string source_;
  const Limits& limits_;
  std::vector<Token> tokens_;
  std::string open_;  // the brackets that have to be closed, in this order from the end
  size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source, const Limits& limits) {
  return Lexer(source, limits).Run();
}

std::string Shown(const Token& token) {
  switch (token.kind) {
    case TokenKind::kText:
      return "text";
    case TokenKind::kBlockBegin:
      return "a block tag";
    case TokenKind::kBlockEnd:
      return "the end of the tag";
    case TokenKind::kPrintBegin:
      return "a print tag";
    case TokenKind::kPrintEnd:
      return "the end of the tag";
    case TokenKind::kString:
      return "the string " + base::Quoted(token.text);
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return base::Quoted(token.text);
  }
}

}  // namespace glimmer::chat::jinja
