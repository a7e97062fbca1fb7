#include "text/escaped.h"

#include <fmt/format.h>

#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using unicode::DecodeAt;
using unicode::FrontOf;
using unicode::Utf8Front;

std::string EscapedPoint(uint32_t point, std::string_view utf8) {
  switch (point) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '"':
    case '\\':
      return "\\" + std::string(utf8);
    default:
      if (unicode::IsPrintable(point)) return std::string(utf8);
      return point < 0x80 ? fmt::format("\\x{:02x}", point) : fmt::format("\\u{{{:x}}}", point);
  }
}

}  // namespace

std::string Escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const Utf8Front front = FrontOf(bytes);
    const std::string_view piece = bytes.substr(0, front.bytes);
    if (front.kind == Utf8Front::Kind::kWhole) {
      out += EscapedPoint(DecodeAt(piece.data()).value, piece);
    } else {
      for (const char c : piece) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    bytes.remove_prefix(front.bytes);
  }
  return out;
}

}  // namespace glimmer::text
