#include "chat/jinja/string_literal.h"

#include <charconv>
#include <cstdint>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

// Appends the code point of `digits` hexadecimal digits after `\x`, `\u` or `\U` at `at`;
// returns the offset behind them.
size_t AppendHexEscape(std::string& out, std::string_view inner, size_t at, size_t digits,
                       int line) {
  const std::string_view hex = inner.substr(at, digits);
  uint32_t point = 0;
  const auto parsed = std::from_chars(hex.data(), hex.data() + hex.size(), point, 16);
  if (hex.size() < digits || parsed.ptr != hex.data() + hex.size()) {
    FailAt(line, "a broken escape in the string " + base::Quoted(inner));
  }
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    FailAt(line, "an escape that is no character in the string " + base::Quoted(inner));
  }
  unicode::AppendUtf8(point, out);
  return at + digits;
}

size_t AppendOctalEscape(std::string& out, std::string_view inner, size_t at) {
  uint32_t point = 0;
  size_t end = at;
  while (end < inner.size() && end < at + 3 && inner[end] >= '0' && inner[end] <= '7') {
    point = point * 8 + static_cast<uint32_t>(inner[end] - '0');
    ++end;
  }
  unicode::AppendUtf8(point, out);
  return end;
}

}  // namespace

std::string UnescapedString(std::string_view inner, int line) {
  static constexpr std::string_view kLetters = "abfnrtv\\'\"";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
  std::string out;
  for (size_t at = 0; at < inner.size();) {
    if (inner[at] != '\\' || at + 1 >= inner.size()) {
      out += inner[at++];
      continue;
    }
    const char c = inner[at + 1];
    const size_t letter = kLetters.find(c);
    if (letter != std::string_view::npos) {
      out += kMeanings[letter];
      at += 2;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      at = AppendHexEscape(out, inner, at + 2, c == 'x' ? 2 : c == 'u' ? 4 : 8, line);
    } else if (c >= '0' && c <= '7') {
      at = AppendOctalEscape(out, inner, at + 1);
    } else if (c == '\n') {
      at += 2;
    } else if (c == 'N') {
      FailAt(line, "\\N{...} escapes are not supported, in the string " + base::Quoted(inner));
    } else {
      out += '\\';
      ++at;
    }
  }
  return out;
}

}  // namespace glimmer::chat::jinja
