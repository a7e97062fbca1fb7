#include "eval/gsm8k.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace glimmer::eval {
namespace {

using base::JsonValue;
using base::Result;

constexpr std::string_view kMark = "####";
constexpr std::string_view kBox = "\\boxed{";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Behind these, a minus subtracts and a point ends a sentence.
bool EndsAWord(char c) {
  return IsDigit(c) || IsLetter(c) || c == '.' || c == ')' || c == ']' || c == '}';
}

bool DigitAt(std::string_view text, size_t at) { return at < text.size() && IsDigit(text[at]); }

// A comma that separates groups: exactly three digits follow.
bool IsGroupComma(std::string_view text, size_t at) {
  return text[at] == ',' && DigitAt(text, at + 1) && DigitAt(text, at + 2) &&
         DigitAt(text, at + 3) && !DigitAt(text, at + 4);
}

// Whether the sign of the number that begins at `at` is a minus.
bool IsNegative(std::string_view text, size_t at) {
  bool minus = false;
  while (at > 0 && !minus) {
    const char c = text[at - 1];
    if (c != '-' && c != '$' && !(c == '\\' && text[at] == '$')) break;
    minus = c == '-';
    --at;
  }
  if (!minus || at == 0) return minus;
  return !EndsAWord(text[at - 1]);
}

struct Number {
  std::string text;
  size_t end;
};

std::string Canonical(bool negative, std::string whole, std::string fraction) {
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.erase(fraction.find_last_not_of('0') + 1);  // npos + 1 == 0
  if (whole.empty()) whole = "0";
  if (whole == "0" && fraction.empty()) negative = false;
  return (negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

// The first number from `at` on.
std::optional<Number> NumberFrom(std::string_view text, size_t at) {
  while (at < text.size() && !IsDigit(text[at])) ++at;
  if (at == text.size()) return std::nullopt;
  const bool bare_fraction = at > 0 && text[at - 1] == '.' && (at == 1 || !EndsAWord(text[at - 2]));
  const bool negative = IsNegative(text, bare_fraction ? at - 1 : at);
  std::string whole, fraction;
  if (bare_fraction) {
    while (DigitAt(text, at)) fraction += text[at++];
    return Number{Canonical(negative, whole, fraction), at};
  }
  while (DigitAt(text, at)) whole += text[at++];
  const bool may_have_groups = whole.size() <= 3;
  while (may_have_groups && at < text.size() && IsGroupComma(text, at)) {
    whole += text.substr(at + 1, 3);
    at += 4;
  }
  if (at < text.size() && text[at] == '.' && DigitAt(text, at + 1)) {
    for (++at; DigitAt(text, at); ++at) fraction += text[at];
  }
  return Number{Canonical(negative, whole, fraction), at};
}

std::optional<std::string> FirstNumber(std::string_view text) {
  std::optional<Number> number = NumberFrom(text, 0);
  if (!number) return std::nullopt;
  return std::move(number->text);
}

std::optional<std::string> LastNumber(std::string_view text) {
  std::optional<std::string> last;
  for (size_t at = 0;;) {
    std::optional<Number> number = NumberFrom(text, at);
    if (!number) return last;
    at = number->end;
    last = std::move(number->text);
  }
}

std::optional<std::string> MarkedNumber(std::string_view text) {
  const size_t mark = text.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  return FirstNumber(text.substr(mark + kMark.size()));
}

std::optional<std::string> BoxedNumber(std::string_view text) {
  const size_t box = text.rfind(kBox);
  if (box == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(box + kBox.size());
  size_t end = 0;
  for (size_t open = 1; end < inside.size(); ++end) {
    if (inside[end] == '{') ++open;
    if (inside[end] == '}' && --open == 0) break;
  }
  return FirstNumber(inside.substr(0, end));
}

Result<Gsm8kProblem> ParseProblem(std::string_view line, const std::string& where) {
  GLIMMER_ASSIGN(const JsonValue value, base::ParseJson(line, where));
  if (!value.is_object()) {
    return base::Corrupt(where + ": expected a JSON object, found " + base::Shown(value));
  }
  base::JsonFields fields(value.get_object(), where);
  Gsm8kProblem problem;
  problem.question = fields.StringOr("question", "");
  problem.answer = fields.StringOr("answer", "");
  if (problem.question.empty()) fields.Fail("question", "expected a text, found none");
  const auto number = MarkedNumber(problem.answer);
  if (!number) fields.Fail("answer", "expected a number behind ####, found none");
  GLIMMER_TRY(fields.status());
  problem.number = *number;
  return problem;
}

}  // namespace

Result<std::vector<Gsm8kProblem>> ReadGsm8k(const std::string& path) {
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxGsm8kFileBytes));
  std::vector<Gsm8kProblem> problems;
  std::string_view left = text;
  for (size_t number = 1; !left.empty(); ++number) {
    const size_t length = std::min(left.find('\n'), left.size());
    const std::string_view line = left.substr(0, length);
    left.remove_prefix(std::min(length + 1, left.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = fmt::format("{}: problem on line {}", base::Quoted(path), number);
    GLIMMER_ASSIGN(Gsm8kProblem problem, ParseProblem(line, where));
    problems.push_back(std::move(problem));
  }
  if (problems.empty()) return base::Invalid(base::Quoted(path) + ": holds no problem");
  return problems;
}

std::optional<std::string> FinalNumber(std::string_view text) {
  if (auto marked = MarkedNumber(text)) return marked;
  if (auto boxed = BoxedNumber(text)) return boxed;
  return LastNumber(text);
}

bool IsRight(const Gsm8kProblem& problem, std::string_view model_text) {
  return FinalNumber(model_text) == problem.number;
}

}  // namespace glimmer::eval
