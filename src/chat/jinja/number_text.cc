#include "chat/jinja/number_text.h"

#include <charconv>
#include <limits>
#include <string>

#include "chat/jinja/failure.h"
#include "unicode/python_str.h"

namespace glimmer::chat::jinja {
namespace {

// Single underscores between digits dropped; std::nullopt when one stands elsewhere.
std::optional<std::string> WithoutUnderscores(std::string_view digits) {
  std::string plain;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') {
      plain += digits[i];
      continue;
    }
    const bool is_between = i > 0 && i + 1 < digits.size() && std::isalnum(digits[i - 1] & 0x7f) &&
                            std::isalnum(digits[i + 1] & 0x7f);
    if (!is_between) return std::nullopt;
  }
  return plain;
}

// Moves behind a sign; true for minus.
bool TakeSign(std::string_view& text) {
  const bool is_negative = text.starts_with("-");
  if (is_negative || text.starts_with("+")) text.remove_prefix(1);
  return is_negative;
}

int64_t PrefixBase(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 10;
  const char mark = static_cast<char>(text[1] | 0x20);
  return mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
}

}  // namespace

std::optional<int64_t> ReadInteger(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  text = unicode::Trim(text, unicode::Ends::kBoth);
  const bool is_negative = TakeSign(text);
  const int64_t prefix_base = PrefixBase(text);
  if (prefix_base != 10 && (base == 0 || base == prefix_base)) {
    base = prefix_base;
    text.remove_prefix(2);
    if (text.starts_with("_")) text.remove_prefix(1);
  } else if (base == 0) {
    base = 10;
  }
  const auto digits = WithoutUnderscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  uint64_t magnitude = 0;
  const auto parsed = std::from_chars(digits->data(), digits->data() + digits->size(), magnitude,
                                      static_cast<int>(base));
  if (parsed.ptr != digits->data() + digits->size()) return std::nullopt;
  const uint64_t most = uint64_t{1} << 63;
  if (parsed.ec != std::errc() || magnitude > most - (is_negative ? 0 : 1)) {
    Fail("the number does not fit into a 64-bit integer");
  }
  return static_cast<int64_t>(is_negative ? 0 - magnitude : magnitude);
}

std::optional<double> ReadFloat(std::string_view text) {
  text = unicode::Trim(text, unicode::Ends::kBoth);
  const bool is_negative = TakeSign(text);
  const std::string lower = unicode::ToLower(text);
  double number = 0;
  if (lower == "inf" || lower == "infinity") {
    number = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    number = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (lower.find_first_not_of("0123456789._e+-") != std::string::npos) return std::nullopt;
    const auto plain = WithoutUnderscores(lower);
    const bool begins = plain && !plain->empty() && plain->front() != '+' && plain->front() != '-';
    if (!begins) return std::nullopt;
    const auto parsed = std::from_chars(plain->data(), plain->data() + plain->size(), number);
    if (parsed.ptr != plain->data() + plain->size()) return std::nullopt;
    if (parsed.ec == std::errc::result_out_of_range) number = std::strtod(plain->c_str(), nullptr);
  }
  return is_negative ? -number : number;
}

}  // namespace glimmer::chat::jinja
