#include "chat/jinja/value_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "chat/jinja/failure.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

// Escaped text is handed on in parts, so that the memory limit sees it grow.
constexpr size_t kFlushBytes = 4096;

void AppendRepr(TextBuilder& out, Heap& heap, const Value& value);

char QuoteFor(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const bool has_double = text.find('"') != std::string::npos;
  return has_single && !has_double ? '"' : '\'';
}

std::string EscapedPoint(uint32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  if (point < 0x100) return fmt::format("\\x{:02x}", point);
  if (point < 0x10000) return fmt::format("\\u{:04x}", point);
  return fmt::format("\\U{:08x}", point);
}

void AppendTextRepr(TextBuilder& out, const std::string& text) {
  const char quote = QuoteFor(text);
  std::string part(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const uint32_t point = unicode::NextPoint(text, at);
    if (point == static_cast<unsigned char>(quote) || point == '\\') {
      part += '\\';
      part += static_cast<char>(point);
    } else if (unicode::IsPrintable(point)) {
      part.append(text, start, at - start);
    } else {
      part += EscapedPoint(point);
    }
    if (part.size() > kFlushBytes) out.Append(std::exchange(part, {}));
  }
  out.Append(part + quote);
}

struct Brackets {
  std::string_view open;
  std::string_view close;
};

Brackets BracketsOf(ListKind kind) {
  switch (kind) {
    case ListKind::kTuple:
    case ListKind::kGroup:
      return {"(", ")"};
    case ListKind::kKeys:
      return {"dict_keys([", "])"};
    case ListKind::kValues:
      return {"dict_values([", "])"};
    case ListKind::kItems:
      return {"dict_items([", "])"};
    default:
      return {"[", "]"};
  }
}

std::string RangeRepr(const List& range) {
  if (range.items.empty()) return "range(0, 0)";
  const int64_t first = range.items.front().integer();
  const int64_t last = range.items.back().integer();
  const int64_t step = range.items.size() > 1 ? range.items[1].integer() - first : 1;
  if (step == 1) return fmt::format("range({}, {})", first, last + 1);
  return fmt::format("range({}, {}, {})", first, last + step, step);
}

void AppendListRepr(TextBuilder& out, Heap& heap, const List& list) {
  if (list.kind == ListKind::kRange) return out.Append(RangeRepr(list));
  if (list.kind == ListKind::kGenerator) return out.Append("<generator object>");
  const Brackets brackets = BracketsOf(list.kind);
  out.Append(brackets.open);
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out.Append(", ");
    AppendRepr(out, heap, list.items[i]);
  }
  if (brackets.open == "(" && list.items.size() == 1) out.Append(",");
  out.Append(brackets.close);
}

void AppendDictRepr(TextBuilder& out, Heap& heap, const Dict& dict) {
  out.Append("{");
  bool is_first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!is_first) out.Append(", ");
    is_first = false;
    AppendRepr(out, heap, key);
    out.Append(": ");
    AppendRepr(out, heap, value);
  }
  out.Append("}");
}

void AppendRepr(TextBuilder& out, Heap& heap, const Value& value) {
  heap.Step();
  switch (value.kind()) {
    case Kind::kUndefined:
      return out.Append("Undefined");
    case Kind::kNone:
      return out.Append("None");
    case Kind::kBool:
      return out.Append(value.boolean() ? "True" : "False");
    case Kind::kInt:
      return out.Append(std::to_string(value.integer()));
    case Kind::kFloat:
      return out.Append(FloatText(value.number()));
    case Kind::kText:
      if (value.text().is_markup) out.Append("Markup(");
      AppendTextRepr(out, value.bytes());
      if (value.text().is_markup) out.Append(")");
      return;
    case Kind::kList:
      return AppendListRepr(out, heap, value.list());
    case Kind::kDict:
      return AppendDictRepr(out, heap, value.dict());
    case Kind::kObject:
      return out.Append(value.object().Shown());
  }
}

}  // namespace

std::string FloatText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = shortest.find('e');
  int exponent = 0;
  const char* digits = shortest.data() + e + 1 + (shortest[e + 1] == '+' ? 1 : 0);
  std::from_chars(digits, end.ptr, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(shortest);
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string ToText(Heap& heap, const Value& value) {
  if (value.IsText()) return value.bytes();
  if (value.IsUndefined()) return "";
  TextBuilder out(heap);
  AppendRepr(out, heap, value);
  return out.Take();
}

std::string ToRepr(Heap& heap, const Value& value) {
  TextBuilder out(heap);
  AppendRepr(out, heap, value);
  return out.Take();
}

}  // namespace glimmer::chat::jinja
