#include "chat/jinja/format_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "chat/jinja/failure.h"
#include "chat/jinja/value_text.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

std::string Grouped(std::string digits, char mark) {
  size_t end = digits.find_first_not_of("0123456789");
  if (end == std::string::npos) end = digits.size();
  for (size_t at = end; at > 3;) digits.insert(at -= 3, 1, mark);
  return digits;
}

std::string IntegerDigits(uint64_t magnitude, const FormatSpec& spec) {
  const bool is_hex = spec.type == 'x' || spec.type == 'X';
  const int base = is_hex ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  std::array<char, 72> buffer;
  const auto end = std::to_chars(buffer.begin(), buffer.end(), magnitude, base).ptr;
  std::string digits(buffer.begin(), end);
  if (spec.type == 'X') digits = unicode::ToUpper(digits);
  if (spec.is_alternate && base != 10) digits = std::string("0") + spec.type + digits;
  if (spec.grouping != '\0') digits = Grouped(std::move(digits), spec.grouping);
  return digits;
}

std::string FloatDigits(double magnitude, const FormatSpec& spec) {
  if (spec.type == '\0' && spec.precision < 0) return FloatText(magnitude);
  const bool is_percent = spec.type == '%';
  const char type = is_percent ? 'f' : spec.type == '\0' ? 'g' : spec.type;
  const std::string pattern = std::string(spec.is_alternate ? "%#.*" : "%.*") + type;
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  std::array<char, 1024> buffer;
  const int written = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), precision,
                                    is_percent ? magnitude * 100 : magnitude);
  std::string digits(buffer.data(), static_cast<size_t>(written));
  const bool is_plain = digits.find_first_not_of("0123456789") == std::string::npos;
  if (spec.type == '\0' && is_plain) digits += ".0";
  if (spec.grouping != '\0') digits = Grouped(std::move(digits), spec.grouping);
  return is_percent ? digits + "%" : digits;
}

std::string Padded(Heap& heap, const std::string& sign, const std::string& body,
                   const FormatSpec& spec, char natural_align) {
  const char align = spec.align == '\0' ? natural_align : spec.align;
  const auto length = static_cast<int64_t>(unicode::CountPoints(sign) + unicode::CountPoints(body));
  const auto missing = static_cast<uint64_t>(std::max<int64_t>(spec.width - length, 0));
  const uint64_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  TextBuilder out(heap);
  if (align == '=') out.Append(sign);
  out.AppendRepeated(spec.fill, before);
  if (align != '=') out.Append(sign);
  out.Append(body);
  out.AppendRepeated(spec.fill, missing - before);
  return out.Take();
}

std::string SignText(bool is_negative, const FormatSpec& spec) {
  if (is_negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

}  // namespace

int64_t TakeNumber(std::string_view text, size_t& at, int64_t most) {
  const size_t start = at;
  int64_t number = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    number = number * 10 + (text[at++] - '0');
    if (number > most) Fail(fmt::format("a width or precision is beyond {}", most));
  }
  return at == start ? -1 : number;
}

std::string NumberFormatted(Heap& heap, const Value& value, const FormatSpec& spec) {
  static constexpr std::string_view kFloatTypes = "eEfFgG%";
  const bool is_float = value.kind() == Kind::kFloat ||
                        (spec.type != '\0' && kFloatTypes.find(spec.type) != std::string::npos);
  if (is_float) {
    const double number = value.number();
    return Padded(heap, SignText(std::signbit(number), spec), FloatDigits(std::abs(number), spec),
                  spec, '>');
  }
  const int64_t number = value.integer();
  const uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : number;
  return Padded(heap, SignText(number < 0, spec), IntegerDigits(magnitude, spec), spec, '>');
}

std::string TextFormatted(Heap& heap, std::string_view text, const FormatSpec& spec, char align) {
  if (spec.precision >= 0) {
    text = text.substr(0, unicode::OffsetOfPoint(text, static_cast<size_t>(spec.precision)));
  }
  return Padded(heap, "", std::string(text), spec, align);
}

}  // namespace glimmer::chat::jinja
